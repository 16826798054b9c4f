"""What a question names: which link, which body, which size, which place."""

from __future__ import annotations

import re

from hostcue.model.digest import Slot

_CHINESE = "一二三四五六七八九十"
_LINK = re.compile(rf"([0-9{_CHINESE}]{{1,6}}) ?(?:号?链接?|号(?![码色]))")
_LINK_FIRST = re.compile(r"链接 ?(\d{1,3})(?!\d)")
_METRES = re.compile(
    r"[1一]米([3-9三四五六七八九])([\d零一二三四五六七八九])?(?!\d)"
    r"|(?<!\d)1\.([3-9])(\d?) ?(?:米|m(?![a-z]))"
)
_BOTH = re.compile(
    r"(?:(?:我|身)?高?)?(?<!\d)(1[3-9]\d)(?:cm|厘米|公分)?的?(?:身?高)?[ ,.;/\-+、]{0,2}(?:体?重)?"
    r"(?<!\d)(\d{2,3})(?!\d) ?(kg|公斤|千克|斤)?(?:体?重)?"
)
_HEIGHT = re.compile(
    r"身高 ?(1[3-9]\d)(?!\d)(?:cm|厘米|公分)?|(?<!\d)(1[3-9]\d) ?(?:cm|厘米|公分|身?高)"
)
_WEIGHT = re.compile(
    r"体重 ?(\d{2,3})(?!\d) ?(kg|公斤|千克|斤)?|(?<!\d)(\d{2,3}) ?(kg|公斤|千克|斤)(?:体?重)?"
)
_SIZE = re.compile(
    r"(?<![\da-z.])(\d{2}(?:\.5)?|[2-6]xl|x{0,4}[sl]|m)号?码|(?<![\da-z])([2-6]xl|x{1,4}[sl]|[sml])(?![a-z])"
)
_TO_ARABIC = str.maketrans("零一二三四五六七八九", "0123456789")
_KILO = frozenset({"kg", "公斤", "千克"})
_WORTH_A_LOOK = re.compile(r"[\da-z]")
_LINK_DIGITS = 3


Named = dict[Slot, tuple[str, ...]]


def take_slots(text: str, places: re.Pattern[str]) -> tuple[str, Named]:
    """A comment with a capital where a value stood, and the values, each once.

    The comment is normalised and in lower case. The values have a form of their own: `3` for
    三号链接 and 3号, `165cm 110斤` for 身高165体重55kg, `38`, `XL`, `新疆`.
    """
    slots: Named = {}
    if "号" in text or "链" in text:
        text = _LINK_FIRST.sub(lambda m: _note(slots, "link", str(int(m[1])), "L"), text)
        text = _LINK.sub(lambda m: _note_link(slots, m), text)
    if "米" in text or "1." in text:
        text = _METRES.sub(_centimetres, text)
    if _WORTH_A_LOOK.search(text) is not None:
        text = _take_body(text, slots)
        text = _SIZE.sub(lambda m: _note(slots, "size", (m[1] or m[2]).upper(), "S"), text)
    if places.search(text) is not None:
        text = places.sub(lambda m: _note(slots, "city", m[0], "P"), text)
    return text, slots


def _take_body(text: str, slots: Named) -> str:
    """Height and weight; a pattern is tried only where there is what it can't do without."""
    if "1" in text:
        text = _BOTH.sub(lambda m: _note(slots, "body", f"{m[1]}cm {_jin(m[2], m[3])}", "B"), text)
        text = _HEIGHT.sub(lambda m: _note(slots, "body", f"{m[1] or m[2]}cm", "B"), text)
    if "重" in text or "斤" in text or "k" in text or "克" in text:
        text = _WEIGHT.sub(
            lambda m: _note(slots, "body", _jin(m[1] or m[3], m[2] or m[4]), "B"), text
        )
    return text


def _note(slots: Named, slot: Slot, value: str, mark: str) -> str:
    known = slots.get(slot, ())
    if value not in known:
        slots[slot] = (*known, value)
    return mark


def _note_link(slots: Named, found: re.Match[str]) -> str:
    number = _number(found[1])
    return _note(slots, "link", number, "L") if number else found[0]


def _number(written: str) -> str:
    """`23` for 二十三 and 023; nothing for what is no link's number."""
    if written.isascii():
        return str(int(written)) if len(written) <= _LINK_DIGITS else ""
    tens, ten, ones = written.partition("十")
    if len(tens) > 1 or len(ones) > 1 or not written.isalpha():
        return ""
    number = (_CHINESE.index(tens) + 1 if tens else 1) * 10 if ten else _CHINESE.index(tens) + 1
    return str(number + (_CHINESE.index(ones) + 1 if ones else 0))


def _centimetres(found: re.Match[str]) -> str:
    tens, ones = (found[1], found[2]) if found[1] else (found[3], found[4])
    return f"1{tens.translate(_TO_ARABIC)}{(ones or '0').translate(_TO_ARABIC)}cm"


def _jin(written: str, unit: str | None) -> str:
    """A weight in 斤; of a number without unit, what a grown-up can weigh."""
    number = int(written)
    return f"{2 * number if unit in _KILO or (unit is None and number < 70) else number}斤"
