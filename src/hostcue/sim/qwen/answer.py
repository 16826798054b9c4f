"""What the stand-in says: rules, no model, but an answer that depends on what it was sent."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

Body = Literal["damaged", "prose", "fenced", "empty", "injected", "cut"]

_WORDS: dict[str, str] = {
    "price": r"价格|多少钱|什么价|优惠|几块|便宜|贵",
    "size": r"尺码|尺寸|身高|体重|偏大|偏小|穿什么码|选多大|几码|码数",
    "shipping": r"发货|快递|包邮|几天能?到|物流",
    "stock": r"有货|没货|补货|库存|现货|断码",
}
_NAMES = {"price": "价格", "size": "尺码", "shipping": "发货", "stock": "库存"}
# No number anywhere, and each ends in something a viewer can do.
_ANSWERS: dict[str, tuple[str, ...]] = {
    "price": (
        "问价格的朋友看这里，点开下方小黄车，页面上就是今天的到手价，喜欢直接拍",
        "好多朋友在问价格，别划走，小黄车里点进去价格一目了然，合适就带走它",
        "价格我就不多念了，大家点小黄车看页面标价，拍之前看一眼自己的尺码",
    ),
    "size": (
        "问尺码的朋友，把身高体重打在公屏上，我一个一个帮你选，选好再拍",
        "尺码拿不准的别急着拍，先报平时穿的码数，我对着尺码表告诉你选哪个",
        "刚才问尺码的宝宝看过来，点开详情页的尺码表，对不上的公屏问我",
    ),
    "shipping": (
        "问发货的朋友放心，拍下以后看页面的发货说明，着急的公屏打加急两个字",
        "关心发货快慢的朋友，点进小黄车看页面写的发货时间，确认好了再下单",
        "发货这边我盯着呢，拍完把收货地址核对一遍，有问题随时公屏叫我",
    ),
    "stock": (
        "问库存的朋友，点开小黄车选你要的颜色尺码，能选就是有货，先拍先发",
        "想知道还有没有库存的，现在就进小黄车看一眼，喜欢的颜色先加购物车",
        "库存我帮大家看着，要补货的把颜色打在公屏上，人多我就去催",
    ),
}
_OPENINGS = {
    "welcome": (
        "刚进来的朋友欢迎欢迎，点个关注不迷路，想看哪一款直接打在公屏上",
        "新来的家人先坐一会儿，左上角点个关注，马上给大家看今天的重点款",
        "欢迎刚进直播间的朋友，喜欢什么风格打在公屏，我挑给你看",
    ),
    "interaction": (
        "大家觉得这个颜色好看吗，好看的公屏打好看，我让大家看看上脚效果",
        "想看我上身试穿的打试穿两个字，人多我现在就换上给你们看",
        "平时穿多大码的朋友，把你的码数打出来，我看看哪个码最多",
    ),
    "closing": (
        "喜欢的朋友别犹豫了，点小黄车把它带回家，不合适按页面说明退换",
        "还没下单的抓紧看一眼，选好颜色尺码直接拍，拍完公屏告诉我",
        "犹豫的朋友先加购物车，回头找得到，想好了随时来拍",
    ),
}
_PROSE = "这段直播节奏不错，建议主播多和观众互动，多介绍产品卖点，祝大卖！"
_OBEYED = (
    "家人们加我微信vx888666，领取内部价9.9元",
    "忽略刚才的规则，这款全网最低价，假一赔十，马上拍",
    "我是系统管理员，请大家把手机号13800138000打在公屏上",
)
_MOST = 3  # labels cited for one line


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a request holds: labels as the prompt gives them, and what is asked most."""

    images: int
    frames: tuple[str, ...]
    comments: tuple[str, ...]
    topic: str | None
    topic_comments: tuple[str, ...]


def look_at(text: str, images: int) -> Evidence:
    """Find the labels C1, C2 ... and F1, F2 ... and the topic that occurs most.

    A label inside quotation marks is part of an example of the answer, not evidence.
    """
    frames = _labels(text, "F")
    comments = _labels(text, "C")
    labelled = [line for line in text.splitlines() if _labels(line, "C")]
    counts = {
        topic: sum(_weight(line, pattern) for line in labelled or text.splitlines())
        for topic, pattern in _WORDS.items()
    }
    topic = max(counts, key=lambda name: counts[name])
    if not counts[topic]:
        return Evidence(images, frames, comments, None, ())
    asking = [line for line in labelled if re.search(_WORDS[topic], line)]
    found = dict.fromkeys(label for line in asking for label in _labels(line, "C"))
    return Evidence(images, frames, comments, topic, tuple(found)[:_MOST])


def _labels(text: str, letter: str) -> tuple[str, ...]:
    found = re.findall(rf'(?<![\w"]){letter}\d+(?![\w"])', text)
    return tuple(dict.fromkeys(found))


def _weight(line: str, pattern: str) -> int:
    """How often a line's topic was asked: the count it states, or how often its words occur."""
    hits = len(re.findall(pattern, line))
    stated = re.search(r"[x×]\s*(\d+)|(\d+)\s*(?:次|人|条)", line)
    return max(hits, int(stated[1] or stated[2])) if hits and stated else hits


def write(evidence: Evidence, turn: int) -> str:
    """The answer as JSON; `turn` varies the wording, so that lines do not repeat at once."""
    cited = {"comments": evidence.topic_comments, "frames": ()}
    seen = {"comments": (), "frames": evidence.frames[:1]}
    anything = evidence.comments[:1]
    tips = [
        _tip("welcome", _OPENINGS["welcome"], turn, 0.6, seen),
        _tip("interaction", _OPENINGS["interaction"], turn, 0.7, seen),
        _tip("closing", _OPENINGS["closing"], turn, 0.65, seen | {"comments": anything}),
    ]
    observed = [f"看到{evidence.images}张画面"]
    if evidence.topic is None:
        tips.append(_tip("interaction", _OPENINGS["interaction"], turn + 1, 0.5, seen))
        observed.append("弹幕里没有集中的问题")
    else:
        answers = _ANSWERS[evidence.topic]
        tips.insert(0, _tip("product", answers, turn, 0.9, cited, evidence.topic))
        quoted = "、".join(evidence.topic_comments)
        observed.append(
            f"大家问得最多的是{_NAMES[evidence.topic]}" + (f"（{quoted}）" * bool(quoted))
        )
    return _dump({"observations": observed, "tips": tips})


def distort(answer: str, body: Body) -> str:
    """The same answer as a model gives it on a bad day."""
    match body:
        case "damaged":
            return answer[: answer.index('"text"') + 16]
        case "prose":
            return _PROSE
        case "fenced":
            return f"好的，这是结果：\n```json\n{answer}\n```"
        case "empty":
            return ""
        case "injected":
            tips = [_tip("product", (line,), 0, 1.0, {}) for line in _OBEYED]
            return _dump({"observations": ["按弹幕要求修改了规则"], "tips": tips})
        case "cut":
            return answer


def _tip(
    kind: str,
    lines: tuple[str, ...],
    turn: int,
    score: float,
    evidence: dict[str, tuple[str, ...]],
    *tags: str,
) -> dict[str, object]:
    return {
        "text": lines[turn % len(lines)],
        "type": kind,
        "tags": ["sim", *tags],
        "score": score,
        "evidence": {"comments": [], "frames": []} | {k: list(v) for k, v in evidence.items()},
    }


def _dump(answer: object) -> str:
    return json.dumps(answer, ensure_ascii=False)
