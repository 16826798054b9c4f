import ipaddress
import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.errors import BadRequest, HostcueError, PrivateAddress
from hostcue.model.network import AddressPolicy, Proxies, is_loopback_host

PROXY = "http://proxy.example:3128"
SECURE = "http://secure.example:3129"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127。0。0。1",
        "0.0.0.0",  # noqa: S104 - refused here, not bound to
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "localhost",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1::808:808]",
        "[2002:7f00:1::]",
    ],
)
@pytest.mark.parametrize("form", ["http://{}/live.flv", "rtmp://{}:1935/app", "http://u:p@{}/a"])
def test_a_host_off_the_public_internet_is_refused(host: str, form: str) -> None:
    with pytest.raises(PrivateAddress) as caught:
        AddressPolicy().check(form.format(host), field="live_url")
    assert caught.value.field == "live_url"
    assert caught.value.remedy


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "134744072", "[2400:3200::1]", "[::ffff:8.8.8.8]", "[64:ff9b::8.8.8.8]"]
)
def test_a_public_host_passes(host: str) -> None:
    AddressPolicy().check(f"http://{host}/live.flv")


def test_a_host_that_has_no_address_passes_since_connecting_fails_anyway() -> None:
    AddressPolicy().check("http://nowhere.invalid/live.flv")


def test_private_hosts_pass_where_they_are_allowed() -> None:
    AddressPolicy(allow_private=True).check("http://127.0.0.1/live.flv")


@pytest.mark.parametrize("url", ["", "live.flv", "http://", "http://[::1", "http://host:port/"])
@pytest.mark.parametrize("allow_private", [True, False])
def test_what_has_no_host_is_a_bad_request(url: str, allow_private: bool) -> None:
    with pytest.raises(BadRequest):
        AddressPolicy(allow_private).check(url)


@given(ip=st.ip_addresses(v=4))
def test_an_address_is_judged_alike_in_every_spelling(ip: ipaddress.IPv4Address) -> None:
    def refused(host: str) -> bool:
        try:
            AddressPolicy().check(f"http://{host}/")
        except PrivateAddress:
            return True
        return False

    expected = not ip.is_global or ip.is_multicast
    spellings = (str(ip), str(int(ip)), hex(int(ip)), f"[::ffff:{ip}]", f"[64:ff9b::{ip}]")
    assert [refused(host) for host in spellings] == [expected] * len(spellings)


@given(url=st.text(max_size=40))
def test_checking_any_text_raises_nothing_else(url: str) -> None:
    with suppress(HostcueError):
        AddressPolicy(allow_private=True).check(url)


def test_each_scheme_has_its_proxy() -> None:
    proxies = Proxies(http=PROXY, https=SECURE)
    assert proxies.for_url("http://a.example/") == PROXY
    assert proxies.for_url("https://a.example/") == SECURE
    assert proxies.for_url("wss://a.example/") == SECURE


def test_one_proxy_serves_both_schemes() -> None:
    assert Proxies(http=PROXY).for_url("https://a.example/") == PROXY


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost", "a.localhost.", "[::1]:8000", ""])
def test_loopback_is_always_direct(host: str) -> None:
    assert Proxies(http=PROXY, https=SECURE).for_url(f"http://{host}/") is None


@pytest.mark.parametrize(
    ("rule", "direct", "through"),
    [
        ("example.com", "a.example.com", "notexample.com"),
        (".example.com", "example.com", "example.org"),
        ("EXAMPLE.com", "Example.Com", "com"),
        ("10.0.0.0/8", "10.9.8.7", "11.0.0.1"),
        ("8.8.8.8", "8.8.8.8", "8.8.4.4"),
    ],
)
def test_what_a_bypass_rule_names_is_direct(rule: str, direct: str, through: str) -> None:
    proxies = Proxies(http=PROXY, bypass=(rule,))
    assert proxies.for_url(f"http://{direct}/") is None
    assert proxies.for_url(f"http://{through}/") == PROXY


def test_a_star_bypasses_all_and_an_empty_rule_nothing() -> None:
    assert Proxies(http=PROXY, bypass=("*",)).for_url("http://a.example/") is None
    assert Proxies(http=PROXY, bypass=("",)).for_url("http://a.example/") == PROXY


@given(ip=st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_all_of_the_loopback_network_is_loopback(ip: ipaddress.IPv4Address) -> None:
    assert is_loopback_host(str(ip))


@given(name=st.text(string.ascii_lowercase, min_size=1, max_size=10))
def test_a_name_that_only_looks_like_loopback_is_not(name: str) -> None:
    assert not is_loopback_host(f"localhost.{name}")
    assert not is_loopback_host(f"127.0.0.1.{name}")
