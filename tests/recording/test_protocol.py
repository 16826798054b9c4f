from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.errors import (
    AuthRequired,
    Blocked,
    DiskFull,
    HostcueError,
    MediaUnsupported,
    NoMedia,
    PrivateAddress,
    RecordingError,
    RoomNotFound,
    TransportFailed,
    WorkerDied,
)
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.recording import MediaInfo, Progress, SegmentOpened
from hostcue.model.segment import ClosedFile
from hostcue.model.sound import SoundPlace
from hostcue.model.window import Window
from hostcue.recording.failure import failure_of
from hostcue.recording.protocol import (
    MAX_LINE,
    CaptureJob,
    Ended,
    Exited,
    Listened,
    ListenJob,
    ListenOrder,
    RecoverJob,
    Started,
    WorkerEvent,
    command_line,
    event_line,
    parse_command,
    parse_event,
)

times = st.integers(0, 2**42)
infos = st.builds(MediaInfo, st.just("h264"), st.just("aac"), times, times, st.floats(0, 240))
paths = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
files = st.builds(
    ClosedFile,
    seq=times,
    path=paths,
    window=times.map(lambda ms: Window(ms, ms + 5)),
    duration_ms=times,
    bytes=times,
    video_codec=st.just("h264"),
    audio_codec=st.just(""),
    width=times,
    height=times,
    fps=st.floats(0, 240),
    status=st.sampled_from(["ready", "truncated", "recovered"]),
)
events = st.one_of(
    st.builds(Started, times),
    st.builds(SegmentOpened, times, paths, times, infos),
    st.builds(Progress, times, times, times, times, times),
    st.builds(Ended, st.just("http_403"), paths),
    st.builds(Listened, times, times),
    st.builds(Exited, st.integers(-64, 255)),
    files,
)


@given(worker=paths, event=events)
def test_an_event_arrives_as_it_was_sent_in_one_short_line(worker: str, event: WorkerEvent) -> None:
    line = event_line(worker, event)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert len(line) < MAX_LINE
    assert parse_event(line) == (worker, event)


@given(url=paths, zone=st.none() | paths, before=st.none() | times)
def test_a_job_arrives_as_it_was_sent(url: str, zone: str | None, before: int | None) -> None:
    job = CaptureJob(
        id="w",
        url=url,
        container="hls",
        headers={"Referer": "https://live.douyin.com/"},
        proxies=Proxies("http://a", None, ("localhost", "10.0.0.0/8")),
        policy=AddressPolicy(allow_private=True),
        output="/records/小美",
        recording_id="rec",
        save_format="ts",
        segment_s=300,
        zone=zone,
        first_seq=3,
        not_before_ms=before,
        open_timeout_s=10.0,
        read_timeout_s=8.0,
        max_lag_s=4.0,
    )
    assert parse_command(command_line("start", job)) == ("start", job)
    recovering = RecoverJob("w", url, before, zone)
    assert parse_command(command_line("start", recovering)) == ("start", recovering)
    assert parse_command(command_line("stop", "w")) == ("stop", "w")
    heard = replace(job, sound=SoundPlace(4711, "token"))
    assert parse_command(command_line("start", heard)) == ("start", heard)


@given(url=paths, moment=st.none() | times)
def test_who_is_to_listen_hears_what_was_asked(url: str, moment: int | None) -> None:
    place = SoundPlace(4711, "token")
    job = ListenJob(
        id="w",
        url=url,
        container="file",
        headers={},
        proxies=Proxies(),
        policy=AddressPolicy(),
        sound=place,
        not_before_ms=moment,
        open_timeout_s=10.0,
        read_timeout_s=8.0,
        max_lag_s=4.0,
        from_ms=moment,
    )
    assert parse_command(command_line("start", job)) == ("start", job)
    for sound in (place, None):
        order = ListenOrder("w", sound)
        assert parse_command(command_line("listen", order)) == ("listen", order)


def test_a_job_shows_no_secret() -> None:
    url = "https://cdn/x.flv?sign=hidden"
    policy, proxies = AddressPolicy(), Proxies(http="http://me:hidden@proxy")
    job = CaptureJob(
        "w", url, "flv", {"Cookie": "hidden"}, proxies, policy, "/r", "r", "mp4", 300, None, 0,
        None, 10.0, 8.0, 4.0,
    )  # fmt: skip
    assert "hidden" not in repr(job)


@pytest.mark.parametrize(
    ("cause", "users_own", "error"),
    [
        ("http_404", True, RoomNotFound),
        ("http_404", False, TransportFailed),
        ("http_403", True, AuthRequired),
        ("http_403", False, Blocked),
        ("stalled", True, TransportFailed),
        ("no_media", True, NoMedia),
        ("no_media", False, NoMedia),
        ("eof", True, NoMedia),
        ("eof", False, TransportFailed),
        ("codec_unsupported", True, MediaUnsupported),
        ("private_address", True, PrivateAddress),
        ("worker_died", True, WorkerDied),
        ("disk_full", True, DiskFull),
        ("write_failed", True, RecordingError),
        ("stop", True, RecordingError),
    ],
)
def test_each_cause_is_an_error_of_its_own(
    cause: str, users_own: bool, error: type[HostcueError]
) -> None:
    made = failure_of(Ended(cause, "at https://cdn/x?sign=hidden"), users_own=users_own)
    assert type(made) is error
    assert "hidden" not in made.message
