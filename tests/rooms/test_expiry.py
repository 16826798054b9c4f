"""Until when a stream's address is good."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hostcue.rooms.expiry import expires_ms

BASE = "https://pull.example/live/a.flv"
T = 0x651BAA49


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("expire=651baa49&sign=5ec2e7", T),  # seen in the wild: hex
        ("expire=1696311881", T),
        ("expires=1696311881", T),
        ("expire=1696311881000", T),  # milliseconds
        ("wsSecret=x&wsTime=651baa49&keeptime=00093a80", T + 7 * 86_400),
        ("wsSecret=x&wsTime=651baa49&keeptime=604800", T + 7 * 86_400),
        ("wsSecret=x&wsTime=651BAA49", T),
        ("auth_key=1696311881-0-0-b61ca43d", T),
        ("txSecret=x&txTime=651BAA49", T),
        ("expire=651baa49&auth_key=1696311876-0-0-b6", T - 5),  # the earlier one counts
        ("wsTime=651baa49&keeptime=zz", T),
        ("wsTime=651baa49&keeptime=ffffffff", T),
        ("", None),
        ("sign=5ec2e7", None),
        ("expire=", None),
        ("expire=0", None),
        ("expire=never", None),
        ("expire=-1", None),
        ("expire=99999999999999999999", None),
        ("expire=٣", None),
        ("keeptime=00093a80", None),
        ("auth_key=b61ca43d", None),
    ],
)
def test_each_network_s_way_to_say_it(query: str, seconds: int | None) -> None:
    assert expires_ms(f"{BASE}?{query}") == (None if seconds is None else seconds * 1000)


@given(url=st.text(max_size=200))
@example("http://[::1?expire=651baa49")
@example("?expire=%ff&wsTime=%00")
def test_any_text_has_an_answer(url: str) -> None:
    found = expires_ms(url)
    assert found is None or 1_420_070_400_000 <= found <= 4_102_444_800_000 + 366 * 86_400_000


@given(
    name=st.sampled_from(["expire", "expires", "wsTime", "txTime", "auth_key", "keeptime"]),
    value=st.text(max_size=40) | st.integers().map(str) | st.integers(0).map("{:x}".format),
)
def test_any_value_has_an_answer(name: str, value: str) -> None:
    expires_ms(f"{BASE}?{name}={value}")


@given(seconds=st.integers(1_420_070_400, 4_102_444_800))
def test_a_moment_is_read_in_both_bases(seconds: int) -> None:
    for text in (f"{seconds}", f"{seconds:x}", f"{seconds:08X}"):
        assert expires_ms(f"{BASE}?expire={text}") == seconds * 1000


def test_an_endless_address_is_not_read() -> None:
    assert expires_ms(f"{BASE}?expire=651baa49&x={'y' * 10_000}") is None
