"""What viewers of a selling room ask about, and how they put it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hostcue.model.digest import Intent

# The first that matches wins: "退货运费谁出" is about returns, "M码还有货吗" about stock.
_WORDS: Mapping[Intent, str] = {
    "after_sale": r"""
        退|换货|能换|可以换|调换|售后|运费险|保修|质保|质量问题|赔|差评|投诉|坏了|破损|少发|漏发|发错
        |掉色|褪色|起球|缩水|开线|过敏了|七天无理由|7天无理由|联系客服|没人回复
    """,
    "shipping": r"""
        发货|发吗|能发|发到|发往|快递|物流|包邮|邮费|运费|顺丰|中通|圆通|韵达|邮政|京东发
        |几天到|多久到|多久能到|什么时候到|何时到|到货时间|到哪了|送到|偏远|新疆|西藏|内蒙|海南
    """,
    "stock": r"""
        有货|没货|缺货|断货|断码|补货|库存|现货|预售|还有吗|还有没有|没有了|卖完|抢不到|抢完|没抢到|秒没
        |加货|加库存|上架|下架|上链接|返场|拍不了|拍不到|拍不下|多少件|几件
    """,
    "price": r"""
        多少钱|什么价|价格|价钱|报价|几块|几元|多少米|几米|怎么卖|咋卖|卖多少|贵|便宜|优惠|券|打折|折扣
        |划算|到手|活动价|原价|改价|降价|满减|红包|福利价|送什么|赠品|买一送|\d+(?:元|块|rmb)|¥
    """,
    "size": r"""
        尺码|尺寸|码数|什么码|啥码|几码|多大码|哪个码|拿什么|偏大|偏小|大码|小码|均码|身高|体重
        |多大|穿什么|能穿|可以穿|胖|显瘦|腰围|胸围|臀围|裤长|衣长|袖长|肩宽|脚宽|脚背|多高|多重
        |\d+\s*(?:斤|kg|公斤|cm|厘米)|1[4-9]\d\D{0,2}\d{2,3}|\b(?:x{0,3}[sl]|m)码?\b|\d{2}码
    """,
    "product": r"""
        链接|\d号|[一二三四五六七八九十]号|材质|面料|什么料|布料|纯棉|真丝|羊毛|羊绒|真皮|含量|成分|配方
        |颜色|什么色|色号|有没有|款式|这款|那款|哪款|新款|同款|品牌|牌子|正品|产地|哪里产|保质期
        |生产日期|功效|效果|怎么用|怎么吃|怎么洗|用法|好用|好吃|好穿|味道|口味|孕妇|宝宝|小孩|老人|学生
        |敏感肌|油皮|干皮|男生|女生|厚|薄|透|弹力|加绒|防水|重量|多重|克|规格|配什么|搭配|讲解|试穿|看一下|看看
    """,
}
_INTENTS = {
    intent: re.compile(words, re.VERBOSE | re.IGNORECASE) for intent, words in _WORDS.items()
}

_QUESTION = re.compile(
    r"[?吗嘛呢么]|多少|几|什么|啥|怎么|咋|哪|谁|何时|多久|多大|能不能|可不可以|有没有|是不是|会不会|求"
)

_VOTE = re.compile(r"(?:扣|打|刷|敲)[\d一二三]{1,4}|1+|要+|想要|我要|上车")
_PURCHASE = re.compile(r"已拍|拍了|拍下了?|已下单|下单了|付款了|已付|买了|抢到了?|到手了")
_CHEER = re.compile(
    r".?|6{2,}|8{2,}|哈哈|牛|牛牛|好的|来了|来啦|加油|支持|沙发|前排|打卡|路过"
    r"|主播(?:好|好美|真美|好漂亮|辛苦了)|(?:晚上|早上|下午|大家|你)好"
)


def intent_of(text: str) -> Intent:
    """The matter a normalised comment is about."""
    return next((intent for intent, words in _INTENTS.items() if words.search(text)), "other")


def asks(text: str) -> bool:
    """Whether a normalised comment is a question."""
    return _QUESTION.search(text) is not None


def heat_of(text: str) -> str | None:
    """What a comment that asks nothing adds to: `vote`, `purchase`, `cheer`; None if it says more.

    `text` is normalised, emoji gone, so that a comment of emoji alone is an empty one.
    """
    if _VOTE.fullmatch(text):
        return "vote"
    if _PURCHASE.fullmatch(text):
        return "purchase"
    return "cheer" if _CHEER.fullmatch(text) else None
