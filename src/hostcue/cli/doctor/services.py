"""Checks of the settings and of the services they name."""

from __future__ import annotations

from importlib.util import find_spec
from urllib.parse import urlsplit

from pydantic import SecretStr

from hostcue.analysis import dashscope, qwen
from hostcue.cli.doctor.finding import Outcome
from hostcue.comments.intents import read_intents
from hostcue.config import Settings
from hostcue.errors import ConfigError
from hostcue.platforms.douyin.identity import Identity
from hostcue.platforms.http import open_http
from hostcue.wiring.comments import douyin_ways, source_elsewhere

_SHORTEST_TOKEN = 16
_HTTP_S = 6.0


def model_url(settings: Settings) -> str:
    """The model's endpoint in force."""
    usual = dashscope.BASE_URL if settings.qwen_protocol == "dashscope" else qwen.BASE_URL
    return settings.qwen_base_url or usual


async def model(settings: Settings) -> Outcome[None]:
    """Whether lines can come from a model; asks nobody."""
    key = _open(settings.dashscope_api_key)
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError(
            "the key holds characters that no key has",
            field="DASHSCOPE_API_KEY",
            remedy="copy it again, without quotes and spaces",
        )
    _check_url(model_url(settings), "HOSTCUE_QWEN_BASE_URL")
    native = settings.qwen_protocol == "dashscope"
    if native and find_spec("dashscope") is None:
        raise ConfigError(
            "HOSTCUE_QWEN_PROTOCOL=dashscope needs the dashscope package",
            remedy="pip install 'hostcue[dashscope]', or set HOSTCUE_QWEN_PROTOCOL=openai",
        )
    host = urlsplit(model_url(settings)).netloc.rpartition("@")[2]
    name, protocol = settings.qwen_mm_model, settings.qwen_protocol
    return Outcome(
        None,
        f"key {'set' if key else 'not set'}; {name} at {host} by the {protocol} protocol",
        "" if key else "set DASHSCOPE_API_KEY; without it lines come from templates",
        {"key_set": bool(key), "model": name, "host": host, "protocol": protocol},
    )


async def token(settings: Settings) -> Outcome[None]:
    """Who may use the API."""
    secret = _open(settings.token)
    if not secret:
        return Outcome(None, "not set: only this machine is served", facts={"set": False})
    short = len(secret) < _SHORTEST_TOKEN
    return Outcome(
        None,
        "set, but short enough to be guessed" if short else "set",
        "set HOSTCUE_TOKEN to what this prints: "
        'python -c "import secrets; print(secrets.token_urlsafe(24))"'
        if short
        else "",
        {"set": True, "short": short},
    )


async def proxies(settings: Settings) -> Outcome[None]:
    """The proxies, and whether they are written as our clients can use them."""
    async with open_http(settings.proxies):
        pass
    named = {
        "HTTP_PROXY": settings.http_proxy,
        "HTTPS_PROXY": settings.https_proxy,
        "NO_PROXY": settings.no_proxy,
    }
    found = {variable: value for variable, value in named.items() if value}
    text = ", ".join(f"{variable}={value}" for variable, value in found.items())
    return Outcome(None, text or "none", facts=found)


async def douyin(settings: Settings) -> Outcome[None]:
    """Whether Douyin's web face can be reached and takes us for a visitor."""
    url = settings.douyin_web_url.rstrip("/")
    _check_url(url, "HOSTCUE_DOUYIN_WEB_URL")
    cookie = _open(settings.douyin_cookie)
    async with open_http(settings.proxies, timeout_s=_HTTP_S) as http:
        Identity(http, base_url=url, cookie=cookie)  # refuses a cookie that can't be sent
        await Identity(http, base_url=url, timeout_s=_HTTP_S).cookie_header()
    login = "a login cookie is set" if cookie else "no login cookie, most rooms need none"
    found = f"{url} answers and gives a visitor id; {login}"
    return Outcome(None, found, facts={"cookie_set": bool(cookie)})


async def comments(settings: Settings) -> Outcome[None]:
    """Where comments come from, and by which ways; asks nobody."""
    if source_elsewhere(settings) is not None:
        source = settings.comment_source
        return Outcome(None, f"from {source} instead of the platforms", facts={"source": source})
    ways = [way.name for way in douyin_ways(settings)]
    signer = "a service of your own" if settings.douyin_signer_url else "hostcue"
    return Outcome(
        None,
        f"Douyin by {', then '.join(ways)}, signed by {signer}; "
        f"{settings.douyin_rooms_per_identity} rooms at once, "
        f"{settings.douyin_connect_gap_s:g} s between two connections",
        facts={"source": "auto", "ways": ways, "own_signer": bool(settings.douyin_signer_url)},
    )


def intents(settings: Settings) -> Outcome[None]:
    """The words by which comments are told apart."""
    file = settings.intents_file
    if file is not None:
        read_intents(file)
    return Outcome(None, "those that come with hostcue" if file is None else str(file))


def _check_url(url: str, variable: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port  # raises where it is no number
    except ValueError:
        good = False
    if not good:
        raise ConfigError(
            "this is no http(s) address", field=variable, remedy=f"mend or unset {variable}"
        )


def _open(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
