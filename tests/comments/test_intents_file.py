"""The file with the words by which comments are told apart."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.comments.intents import packaged, read_intents
from hostcue.comments.patterns import READ_CHARS, checked
from hostcue.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    path = folder / "words.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_users_words_take_the_place_of_a_section(tmp_path: Path) -> None:
    path = written(tmp_path, "intents:\n  price: [几多钱]\n  size: ['\\d+ 号半']\n")
    intents = read_intents(path)
    assert intents.intent_of("呢件几多钱") == "price"
    assert intents.intent_of("多少钱") == "other"
    assert intents.asks("多少钱"), "a section left out is as packaged"
    assert intents.heat_of("扣1") == "vote"


def test_case_makes_no_difference(tmp_path: Path) -> None:
    intents = read_intents(written(tmp_path, "intents:\n  product: [GoreTex, 'VIP\\d']\n"))
    assert intents.intent_of("是goretex吗") == "product"
    assert intents.intent_of("vip3有吗") == "product"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("intents:\n  price:\n    - 多少钱\n    - '(a'\n", "line 4, intents: price: entry '(a'"),
        ("intents:\n  price: ['(a+)+b']\n", "line 2, intents: price: entry '(a+)+b'"),
        ("intents:\n  prices: [多少钱]\n", "line 2, intents: has no 'prices'"),
        ("intents:\n  price: [a]\n  price: [b]\n", "line 3, intents: has 'price' twice"),
        ("intents:\n  price: []\n", "line 2, intents: price: must be a list"),
        ("intents:\n  price: 多少钱\n", "line 2, intents: price: must be a list"),
        ("intents:\n  price: [{a: b}]\n", "line 2, intents: price: has an entry that is no word"),
        ("intents:\n  price: ['.*']\n", "matches an empty comment"),
        ("intents: {}\n", "line 1, intents: must hold at least one bucket"),
        ("questions: [吗]\nplace: [北京]\n", "line 2, the file: has no 'place'"),
        ("places: [京]\n", "line 1, places: '京' is no name"),
        ("heat:\n  vote: ['(?=1)1']\n", "line 2, heat: vote: entry '(?=1)1' holds '(?='"),
        ("fillers: ['(a)\\1']\n", "line 1, fillers: entry '(a)\\\\1' holds \\1"),
        ("- 多少钱\n", "line 1, the file: must be names"),
        ("a: [b\n", "is no YAML"),
        ("a: \x00", "is no YAML"),
        ("[" * 1500, "is no YAML"),
        ("", "is empty"),
    ],
)
def test_a_bad_file_names_the_line_the_bucket_and_what_to_do(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as failure:
        read_intents(written(tmp_path, text))
    assert said in failure.value.message
    assert "words.yaml" in failure.value.message
    assert failure.value.field == "HOSTCUE_INTENTS_FILE"
    assert failure.value.remedy


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_intents(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="directory"):
        read_intents(tmp_path)
    (tmp_path / "gbk.yaml").write_bytes("价格".encode("gbk"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_intents(tmp_path / "gbk.yaml")
    (tmp_path / "large.yaml").write_text("# " + "a" * 300_000)
    with pytest.raises(ConfigError, match="larger than"):
        read_intents(tmp_path / "large.yaml")


@pytest.mark.parametrize(
    "source",
    [
        "(a+)+b",
        "(a|a)*b",
        "(a|aa)+b",
        "(?:a?){30}b",
        "a*a*b",
        r"\d+\s*\d+x",
        "(?:a{0,9}){0,9}b",
        "(?:(?:(?:(?:(?:(?:a))))))",
        "a++b",
        "(a{1,80}){3}b",
        "(?P<x>a)",
        "(?i)a",
        "(?<!a)b",
        r"(a)\1",
        "x" * 201,
        "",
        "a?",
    ],
)
def test_a_pattern_that_could_take_long_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        checked(source)


@pytest.mark.parametrize(
    "source",
    [
        "多少钱",
        r"\d{1,3}(?:元|块)",
        r"\b(?:x{0,3}[sl]|m)码?\b",
        "1+",
        "发.{0,4}吗",
        "[a-z]+号",
        r"\?",
    ],
)
def test_an_ordinary_pattern_is_taken(source: str) -> None:
    assert checked(source) == source


PATTERNS = st.recursive(
    st.sampled_from(["a", "b", ".", r"\w", "[ab]"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "{0,3}", "{2}", "{1,}", "{,9}"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    ),
    max_leaves=6,
)


@given(PATTERNS, st.sampled_from(["a", "ab", "aab", "ba"]))
def test_what_is_taken_never_takes_long(source: str, text: str) -> None:
    try:
        words = re.compile(checked(source + "c"))
    except ValueError:
        return
    began = time.process_time()
    words.search((text * READ_CHARS)[:READ_CHARS])
    assert time.process_time() - began < 0.25


def test_the_packaged_words_take_no_long_time_for_any_line() -> None:
    began = time.process_time()
    for text in ("1" * 80, "a" * 80, "x" * 80, "发" * 80, "还有" * 40, "1 " * 40, "拍下" * 40):
        packaged().intent_of(text)
        packaged().asks(text)
        packaged().heat_of(text)
    assert time.process_time() - began < 0.25
