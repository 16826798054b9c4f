"""Somebody else's words, made harmless before a prompt or a page shows them."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 2000
_MENTION = re.compile(r"@[^\s@,.!?:;]+")
_LONG_RUN = re.compile(r"(.)\1{3,}")
# After NFKC, so that full-width look-alikes are caught too: no quote can build a fence or a line
# of its own.
_FENCE_PARTS = str.maketrans({"<": "〈", ">": "〉", "│": "|", "`": "'"})
_DIGIT = "[0-9〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖]"
_GAP = r"[ \-._,·]?"
# In this order; lookbehinds keep a long run from being tried again at each of its characters.
_CONTACTS = (
    (
        re.compile(
            r"(?<![a-z0-9])(?:https?:/{0,2}|www\.)[^\s\u4e00-\u9fff]+"
            r"|(?<![a-z0-9-])(?:[a-z0-9-]{1,63} ?[.点。] ?){1,4}"
            r"(?:com|cn|net|org|top|shop|xyz|cc|me|vip|info|link|club|site)(?![a-z0-9])(?:/[^\s\u4e00-\u9fff]*)?",
            re.IGNORECASE,
        ),
        "〔网址〕",
    ),
    (
        re.compile(
            r"(微信|微 ?x|威信|薇信|维信|卫星|(?<![a-z])(?:v信|vx|v❤|wx|wechat|weixin|qq"
            r"|tg|telegram|whatsapp)|加我?v|加我?薇|加我?微|扣扣|抖音号)"
            r"(?:号码?|群|id|是|[ :=,❤️])*[a-z0-9][a-z0-9_.-]{3,29}",
            re.IGNORECASE,
        ),
        r"\1〔号码〕",
    ),
    (
        re.compile(rf"(?<![0-9])[1一幺壹]{_GAP}[3-9三四五六七八九]{_GAP}(?:{_DIGIT}{_GAP}){{9}}"),
        "〔号码〕",
    ),
    (
        re.compile(rf"{_DIGIT}{{7,}}|(?<![0-9])0\d{{2,3}}-\d{{7,8}}|[48]00-?\d{{3,4}}-?\d{{3,4}}"),
        "〔号码〕",
    ),
)


def quote(text: str, limit: int) -> str:
    """Somebody else's words as one harmless line of at most `limit` characters.

    Compatibility forms are unified, invisible and direction-changing characters removed, @names
    cut out, long repetitions shortened; addresses, long numbers and accounts give way to a word
    in 〔〕.
    """
    text = unicodedata.normalize("NFKC", text[:_LONGEST])
    text = "".join(" " if c.isspace() else c for c in text)
    text = "".join(c for c in text if not unicodedata.category(c).startswith("C"))
    text = _LONG_RUN.sub(r"\1\1\1", _MENTION.sub("", text).translate(_FENCE_PARTS))
    text = " ".join(text.split())
    for pattern, word in _CONTACTS:
        text = pattern.sub(word, text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
