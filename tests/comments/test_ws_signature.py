from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.platforms.douyin.signing import SDK_VERSION, seal, ws_signature
from hostcue.sim.douyin.signature import is_signed

ROOM_ID = "7512345678901234567"
USER_UNIQUE_ID = "7312345678901234567"
STUB = bytes.fromhex("704f436b2558b0d7a1c7e758527dd8f1")


@pytest.mark.parametrize(
    ("counter", "flag", "filler", "key", "expected"),
    [
        # What the platform's own script answers with its random numbers pinned; published as
        # test vectors by jwwsjlm/douyinLive (MIT), internal/webcastsign/native_test.go.
        (1, 1, 63, 63, "6pt0VC0aRZDP7n07"),
        (0, 0, 0, 6, "fD+evFuzasjOC8Uu"),
    ],
)
def test_a_digest_is_sealed_as_the_platforms_script_does_it(
    counter: int, flag: int, filler: int, key: int, expected: str
) -> None:
    def entropy(size: int) -> bytes:
        return bytes((flag, filler, key))[:size]

    assert seal(STUB, counter=counter, entropy=entropy) == expected


@pytest.mark.parametrize(
    ("counter", "entropy", "expected"),
    [
        (1, (1, 63, 63), "6pt0VC0aRZDFrw8E"),
        (2, (0, 1, 2), "fDQoDfAuzOAJZt/V"),
        (65, (255, 254, 200), "f8NbnYeUF6owV/sR"),
    ],
)
def test_with_known_randomness_the_signature_of_a_connection_is_known(
    counter: int, entropy: tuple[int, int, int], expected: str
) -> None:
    signature = ws_signature(
        ROOM_ID, USER_UNIQUE_ID, counter=counter, entropy=lambda size: bytes(entropy)[:size]
    )
    assert signature == expected


@given(
    room_id=st.integers(1, 2**63 - 1).map(str),
    user_unique_id=st.integers(1, 2**63 - 1).map(str),
    counter=st.integers(0, 10_000),
    entropy=st.binary(min_size=3, max_size=3),
)
def test_an_independent_verifier_accepts_every_signature(
    room_id: str, user_unique_id: str, counter: int, entropy: bytes
) -> None:
    query = {
        "webcast_sdk_version": SDK_VERSION,
        "room_id": room_id,
        "user_unique_id": user_unique_id,
        "signature": ws_signature(
            room_id, user_unique_id, counter=counter, entropy=lambda _: entropy
        ),
    }
    assert is_signed(query)
    assert not is_signed({**query, "room_id": f"{room_id}0"})


def test_two_signatures_of_the_same_connection_differ() -> None:
    assert len({ws_signature(ROOM_ID, USER_UNIQUE_ID) for _ in range(20)}) > 1
