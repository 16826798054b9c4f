"""Where outbound connections may go, and through which proxy."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from hostcue.errors import BadRequest, PrivateAddress


def is_loopback_host(host: str) -> bool:
    """`localhost`, a name below it, or a loopback address; brackets of IPv6 are accepted."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of the settings; given to every client, since each reads the environment its way.

    `bypass` is `NO_PROXY`: host names (with all below them), addresses, networks, or `*`.
    """

    http: str | None = None
    https: str | None = None
    bypass: tuple[str, ...] = ()

    def through(self, proxy: str) -> Proxies:
        """One proxy for everything in place of these; these where it is empty."""
        return Proxies(proxy, proxy) if proxy else self

    def for_url(self, url: str) -> str | None:
        """The proxy for one URL; None means direct. Loopback never goes through a proxy."""
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").lower()
        if not host or is_loopback_host(host) or any(_bypassed(host, rule) for rule in self.bypass):
            return None
        secure = parts.scheme in {"https", "wss", "rtmps"}
        return (self.https or self.http) if secure else self.http


def _bypassed(host: str, rule: str) -> bool:
    rule = rule.strip().lstrip(".").lower()
    if rule == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(rule, strict=False)
    except ValueError:
        return bool(rule) and (host == rule or host.endswith(f".{rule}"))


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Which hosts a live URL, its redirects and its playlists may name."""

    allow_private: bool = False

    def check(self, url: str, *, field: str = "live_url") -> None:
        """Look the host up and refuse what is not on the public internet; blocks while it does.

        A host that cannot be looked up passes: connecting to it fails with a better message.

        Raises:
            PrivateAddress: one of the host's addresses is not on the public internet.
            BadRequest: the URL has no host.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host:
            raise BadRequest("this is not a URL with a host", field=field)
        if self.allow_private:
            return
        try:
            found = socket.getaddrinfo(host, port or 80, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        for *_, address in found:
            if not _is_public(str(address[0])):
                raise PrivateAddress(
                    f"{host} is not a public address",
                    field=field,
                    remedy="use a public URL, or set HOSTCUE_ALLOW_PRIVATE_URLS=true",
                )


# IPv6 networks whose addresses lead to the IPv4 address in their last four bytes: compatible,
# mapped, translated, NAT64. They are as public as that one.
_AROUND_IPV4 = tuple(
    ipaddress.IPv6Network(text)
    for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215; older Pythons call it global


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _LOCAL_NAT64:
            return False
        if any(ip in network for network in _AROUND_IPV4):
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        elif ip.sixtofour:
            ip = ip.sixtofour
    return ip.is_global and not ip.is_multicast
