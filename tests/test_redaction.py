"""No secret survives in a log line or an error text, and what is none stays readable."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hostcue
from hostcue.config import Settings
from hostcue.errors import ConfigError
from hostcue.log import redact, redact_text

# Long enough not to be in the text by chance, with what passwords and signatures are made of.
SECRET = st.text("0123456789QXZ._~+/=$!*-", min_size=6, max_size=40).map(lambda text: f"qZ7{text}")
NAMES = [
    "sign",
    "sig",
    "signature",
    "Signature",
    "token",
    "access_token",
    "accessToken",
    "csrfToken",
    "secret",
    "password",
    "pwd",
    "api_key",
    "apikey",
    "X-Api-Key",
    "key",
    "auth",
    "auth_key",
    "jwt",
    "md5",
    "cookie",
    "Set-Cookie",
    "sessionid",
    "sessionid_ss",
    "sid_tt",
    "ttwid",
    "msToken",
    "a_bogus",
    "X-Bogus",
    "wsSecret",
    "txSecret",
    "hdnts",
    "hdnea",
    "hdntl",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
    "OSSAccessKeyId",
    "Key-Pair-Id",
    "webcast_sign",
    "__ac_nonce",
    "__ac_signature",
    "HOSTCUE_TOKEN",
    "DASHSCOPE_API_KEY",
    "DOUYIN_COOKIE",
    "--token",
    "Authorization",
]
SHAPES = (
    "{name}={secret}",
    "{name}: {secret}",
    "{name} => {secret}",
    "{name}：{secret}",
    "口令{name}={secret}",
    "a=1&{name}={secret}&b=2",
    "a=1; {name}={secret}; b=2",
    "data={name}={secret}",
    'refused: {{"{name}": "{secret} x"}}',
    "{{'a': 1, '{name}': b'{secret}'}}",
    '"{{\\"{name}\\": \\"{secret} x\\"}}"',
    "user[{name}]={secret}",
    "GET /a\\r\\n{name}: {secret}\\r\\n",
    "a=1\\u0026{name}={secret}",
    "{name}=['{secret}', 'x']",
    "{name}: {{'a b': '{secret}'}}",
)
URLS = (
    "https://host/live/a.flv?odd={secret}",
    "rtmp://host/live/a#odd={secret}",
    "看https://host/live?odd={secret}",
    "https:\\/\\/host\\/live?a=1\\u0026odd={secret}",
    "https:\\u002F\\u002Fhost\\u002Flive?odd={secret}",
    "https://me:{secret}@host/live",
    "https://me:p@{secret}@host/live",
    "socks5://me:{secret}@[::1]:1080",
    "https://me:x?{secret}@host/live",
    "https://me:x#{secret}@host/live",
    "https://me:p'{secret}@host/live",
    "http://proxy/http://me:{secret}@host/live",
    "a,http://b/c,http://me:{secret}@host/",
    "link=https://host/x?next=https://there/y&odd={secret}",
    "Bearer {secret}",
    "密钥sk-{secret}",
    "Authorization: Basic {secret}",
    "Cookie: a=1; b={secret}; c=3",
)


@given(name=st.sampled_from(NAMES), shape=st.sampled_from(SHAPES), secret=SECRET)
def test_what_a_secret_name_holds_goes(name: str, shape: str, secret: str) -> None:
    said = redact_text(shape.format(name=name, secret=secret))
    assert secret not in said
    assert "***" in said


@given(shape=st.sampled_from(URLS), secret=SECRET)
def test_user_info_queries_and_bearers_go(shape: str, secret: str) -> None:
    said = redact_text(shape.format(secret=secret))
    assert secret not in said
    assert "***" in said


@given(SECRET)
def test_a_user_without_a_password_goes(secret: str) -> None:
    user = secret.replace("/", "_")  # a slash would end the host
    assert redact_text(f"https://{user}@host/a") == "https://***@host/a"


@given(
    shape=st.sampled_from([shape for shape in SHAPES if "\\" not in shape]),
    name=st.sampled_from(NAMES),
    secret=SECRET,
)
def test_percent_encoding_hides_nothing(shape: str, name: str, secret: str) -> None:
    encoded = quote(shape.format(name=name, secret=secret), safe="")
    for text in (encoded, f"x {quote(encoded, safe='')} y"):
        assert quote(secret, safe="") not in redact_text(text)
        assert secret not in redact_text(text)


def test_a_percent_encoded_name_or_url_hides_nothing() -> None:
    assert redact_text("a to%6Ben=canary b") == "a *** b"
    assert redact_text("to=https%3A%2F%2Fhost%2Fa%3Fb%3Dcanary") == "***"


@given(before=st.text(), name=st.sampled_from(NAMES), secret=SECRET, after=st.text())
def test_a_secret_goes_from_json_around_any_text(
    before: str, name: str, secret: str, after: str
) -> None:
    assert secret not in redact_text(json.dumps({"a": before, name: secret, "b": after}))


@given(st.text() | st.text("token=:/@?#&'\"\\ %253A{[\n.Bearsk-u0026", max_size=60))
def test_any_text_can_be_redacted_and_once_is_enough(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://me:p@ss@host:8080/a/b.flv?x=1 ended", "https://***@host:8080/a/b.flv?*** ended"),
        ("rtmp://host/live/a", "rtmp://host/live/a"),
        ("a=1&sign=x&b=2", "a=1&sign=***&b=2"),
        ('{"token": "x y", "n": 1}', '{"token": "***", "n": 1}'),
        ("for url 'https://host/a'", "for url 'https://host/a'"),
    ],
)
def test_what_tells_where_it_was_stays(text: str, said: str) -> None:
    assert redact_text(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "segment_time=300",
        "keyword=鞋",
        "timeout=5 s",
        '"design=x"',
        "expire=1, monkey=2, author: me, assign=3, hotkey=4",
        "input_tokens=7300 output_tokens=420",
        "GET http://127.0.0.1:8765/a%20b HTTP/1.1",
        "write it as http://host:port",
        "use sqlite:///path/to/hostcue.db",
        "https://www.tiktok.com/@name/live",
        "http://[::1]:80/a",
        "risk-free task-list",
        "set HOSTCUE_TOKEN and send it as Bearer token",
        "log in on the page, or send the value of HOSTCUE_TOKEN as Bearer token",
        "100% of 3 % and 50%25",
    ],
)
def test_harmless_texts_are_unchanged(text: str) -> None:
    assert redact_text(text) == text


def our_words() -> Iterator[str]:
    """What errors, notices and remedies say, with a word for each value in it."""
    for path in sorted(Path(hostcue.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                said = [*node.args, *(word.value for word in node.keywords)]
                yield from (text for value in said if (text := sentence(value)))


def sentence(value: ast.expr) -> str:
    parts = value.values if isinstance(value, ast.JoinedStr) else [value]
    texts = [
        part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "5"
        for part in parts
    ]
    text = "".join(texts)
    return text if text.count(" ") >= 3 else ""


def test_our_own_sentences_are_unchanged() -> None:
    sentences = sorted(set(our_words()))
    assert len(sentences) > 300
    assert [text for text in sentences if redact_text(text) != text] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOSTCUE_SECRET_KEY", "short"),
        ("HOSTCUE_TZ", "Nowhere"),
        ("HOSTCUE_POLL_S", "often"),
        ("HOSTCUE_ALLOWED_ORIGINS", "*"),
    ],
)
def test_what_a_setting_lacks_can_be_read(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as refused:
        Settings.load()
    assert refused.value.field == name
    assert refused.value.message.startswith(f"{name} cannot be used: ")
    assert redact_text(refused.value.message) == refused.value.message
    assert value not in refused.value.message


@given(st.dictionaries(st.sampled_from(["seq", "room", "bytes", "state"]), st.integers()))
def test_plain_fields_are_unchanged(fields: dict[str, int]) -> None:
    assert redact(None, "info", dict(fields)) == fields


class Odd:
    def __repr__(self) -> str:
        return "<Odd https://host/a?b=canary>"


def test_fields_are_cleaned_at_any_depth_whatever_holds_them() -> None:
    event = {
        "event": "asked",
        "input_tokens": 3,
        "output_tokens": 4,
        "said": "sig=canary",
        "error": ValueError("https://me:canary@host/"),
        "pii_user": "canary",
        "jwt": "canary",
        "answer": b"canary",
        "odd": Odd(),
        "headers": {"Cookie": "canary", "X": ["https://host/?a=canary", {"apiKey": "canary"}]},
        "none": None,
        "ok": True,
    }
    clean = redact(None, "info", event)
    assert "canary" not in repr(clean)
    kept = ("event", "input_tokens", "output_tokens", "none", "ok")
    assert {name: clean[name] for name in kept} == {name: event[name] for name in kept}
    assert clean["error"] == "ValueError: https://***@host/"


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "://",
        "token=",
        "%41",
        "a:",
        "\\",
        '"',
        "token='",
        " ",
        "&a=",
        "aA",
        "bearer ",
        "=[",
        "@",
    ],
)
def test_long_texts_take_no_time(text: str) -> None:
    began = process_time()
    redact_text(text * 20_000)
    assert process_time() - began < 5
