"""Lines without a model: what a host can always say to the questions of the window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hostcue.analysis.answer import FEWEST, MOST
from hostcue.analysis.evidence import label, nearest, tags_of
from hostcue.model.digest import Intent, Topic
from hostcue.model.tip import Answer, Evidence, EvidencePack, FrameRef, TipDraft, TipType

_VERSION = "template-v1"
_ASKED_SCORE = 0.6
_FILLER_SCORE = 0.3

# No line holds a number: whatever a template said would be invented. Each ends in something the
# viewer can do. The wordings of a topic take turns, so that a host never reads one twice running.
_ANSWERS: Mapping[Intent, Sequence[str]] = {
    "price": (
        "问价格的朋友看过来，点开小黄车就是现在的标价，喜欢的直接点链接去拍。",
        "好多宝宝在问多少钱，价格都在小黄车里标着呢，点进去看清楚再下单。",
        "想知道价格的姐妹别急，手指点开下方链接，标价就在里面，看好了就拍。",
        "价格以小黄车页面标的为准，现在点进去就能看到，觉得合适的抓紧带走。",
    ),
    "size": (
        "问尺码的朋友把身高体重打在公屏上，我帮你看穿哪个码，别拍错了。",
        "拿不准尺码的宝宝，先点开详情页看尺码表，还不确定就把身高体重发出来。",
        "尺码怎么选我来帮你，公屏报上身高体重，喜欢宽松还是合身也告诉我。",
        "大家都在问码数，尺码表就在链接里，对着平时穿的码选，有疑问打在公屏上。",
    ),
    "shipping": (
        "问发货的朋友放心，发货时间在商品页写得清清楚楚，点进去看好再拍。",
        "问多久发货、走哪家快递的朋友，链接里都有说明，着急用的先点开看看再下单。",
        "关心快递的宝宝看过来，点开商品详情就有发货说明，有特殊地址打在公屏上。",
        "发货和运费以页面说明为准，大家先点链接确认好，没问题就去拍。",
    ),
    "stock": (
        "问还有没有货的朋友，点开链接能选的颜色和码数就是有货的，看中就先拍。",
        "有没有货以小黄车里能不能下单为准，想要的现在就点进去选好颜色和码数。",
        "担心没货的宝宝先点开链接看看自己的码，能拍就别犹豫，缺的打在公屏上告诉我。",
        "库存我不乱说，大家点进链接看得到能选的款，喜欢的先加进购物车。",
    ),
    "after_sale": (
        "担心售后的朋友放心，退换规则在商品页写着，点进去看好了再下单。",
        "收到不合适怎么办，售后说明就在链接里，先点开看看，有不懂的打在公屏上。",
        "问能不能退换的宝宝，以页面的售后说明为准，点开详情看清楚，买得明白。",
        "售后有问题直接找客服，规则在商品详情里，大家下单前先点进去看看。",
    ),
    "product": (
        "好多朋友在问这款的细节，我拿近给大家看，还想看哪里打在公屏上。",
        "材质和做工想了解的宝宝，点开详情页有说明，想看近景的扣个“看”字。",
        "大家问的这款我再展示给你们看，喜欢的先点链接加进购物车，问题打在公屏上。",
        "想看上身效果的姐妹扣个“想”字，我这就展示给大家看，细节点开链接也有。",
    ),
}
_WELCOME = (
    "欢迎刚进来的朋友，先点个关注不迷路，想看哪款打在公屏上，我给你讲。",
    "新进直播间的宝宝们晚点走，点点关注，喜欢哪款告诉我，马上给你展示。",
    "欢迎来到直播间的家人们，左上角点个关注，有想了解的直接打在公屏上。",
    "刚来的姐妹先别划走，今天的款都在小黄车里，点开看看喜欢哪个告诉我。",
)
_INTERACTION = (
    "想继续看细节的朋友扣个“想”字，人多我就拿近给大家好好展示。",
    "这款喜欢的扣“喜欢”，还有顾虑的把问题打在公屏上，我挨个回答。",
    "大家平时更喜欢哪种颜色，打在公屏上让我看看，我先给你们展示呼声高的。",
    "有没有用过类似的朋友，把感受打在公屏上，也让新来的宝宝心里有底。",
)
_PRODUCT = (
    "我把这款拿近给大家看看细节，喜欢的点开小黄车，先加进购物车不吃亏。",
    "正在讲的这款就挂在小黄车里，点开详情边看边听我说，有问题打在公屏上。",
    "看中的朋友先点链接看详情，材质和尺码都写着，拿不准的公屏问我。",
    "这款的细节我再给大家展示清楚，镜头跟上，喜欢的现在就可以点链接。",
)
_FILLERS: Sequence[tuple[TipType, Sequence[str]]] = (
    ("product", _PRODUCT),
    ("interaction", _INTERACTION),
    ("welcome", _WELCOME),
)


class TemplateWriter:
    """`TipWriter` for the time without a model: no key, or the model failed for good.

    It answers the kinds of question asked most, most pressing first, and fills up to three lines
    with a welcome and the like. An answer rests on the comments that asked, and on the newest
    frame; the other lines on the moment alone.
    """

    async def write(self, pack: EvidencePack) -> Answer:
        """3 to 5 lines; never fails."""
        drafts = [_answer(topic, pack) for topic in _most_asked(pack)[:MOST]]
        drafts += [_filler(*line, pack) for line in _FILLERS[: max(0, FEWEST - len(drafts))]]
        return Answer(tuple(drafts), source="template", model="template", prompt_version=_VERSION)


def _most_asked(pack: EvidencePack) -> list[Topic]:
    """The first, so the most pressing, topic of each kind of question."""
    first: dict[Intent, Topic] = {}
    for topic in pack.digest.topics:
        if topic.intent in _ANSWERS:
            first.setdefault(topic.intent, topic)
    return list(first.values())


def _answer(topic: Topic, pack: EvidencePack) -> TipDraft:
    newest = tuple(FrameRef(frame.id, frame.at_ms) for frame in pack.frames[-1:])
    return TipDraft(
        text=_turn(_ANSWERS[topic.intent], pack),
        type="product",
        tags=(*tags_of(pack.segment), topic.intent),
        score=_ASKED_SCORE,
        evidence=Evidence(comments=topic.comment_ids, frames=newest),
    )


def _filler(kind: TipType, wordings: Sequence[str], pack: EvidencePack) -> TipDraft:
    return TipDraft(
        text=_turn(wordings, pack),
        type=kind,
        tags=tags_of(pack.segment),
        score=_FILLER_SCORE,
        evidence=nearest(label(pack)),
    )


def _turn(wordings: Sequence[str], pack: EvidencePack) -> str:
    return wordings[pack.segment.seq % len(wordings)]
