"""A file that cannot be loaded is refused before anything tries to, by name and with a remedy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from speech_house import cut_short
from tone_nano import build_tone_nano
from tone_speech import ToneFiles, build_tone_model, metadata, recogniser

from hostcue.errors import ModelRefused
from hostcue.speech.onnx_file import NotOnnx, read_onnx
from hostcue.speech.preflight import check_recogniser, check_vad, family_of

NUMBERS = [key for key in metadata() if key not in ("comment", "model_type")]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> ToneFiles:
    return build_tone_model(tmp_path_factory.mktemp("good"))


def test_a_whole_model_passes(good: ToneFiles) -> None:
    assert family_of(good.model) == "sensevoice"
    check_recogniser(good.model, good.tokens, "sensevoice")
    check_vad(good.vad)


def test_the_other_family_is_told_apart(tmp_path: Path) -> None:
    files = build_tone_nano(tmp_path)
    assert family_of(files.model) == "fun-asr-nano"
    check_recogniser(files.model, files.tokens, "fun-asr-nano")
    with pytest.raises(ModelRefused, match="is a fun-asr-nano model, not a sensevoice one"):
        check_recogniser(files.model, files.tokens, "sensevoice")


def test_what_a_file_says_of_itself_is_read_past_its_weights(good: ToneFiles) -> None:
    found = read_onnx(good.model)
    assert found.metadata == metadata()
    assert found.inputs == ["x", "x_length", "language", "text_norm"]
    assert found.outputs == ["logits"]


@pytest.mark.parametrize("key", NUMBERS)
def test_a_model_without_a_key_is_refused(tmp_path: Path, key: str) -> None:
    meta = metadata()
    del meta[key]
    model = tmp_path / "model.int8.onnx"
    model.write_bytes(recogniser(meta).SerializeToString())
    with pytest.raises(ModelRefused, match=rf"^model\.int8\.onnx .*{key} is missing") as refused:
        family_of(model)
    assert "hostcue models pull" in (refused.value.remedy or "")


@pytest.mark.parametrize(("key", "value"), [("vocab_size", "many"), ("with_itn", "-1")])
def test_a_key_that_is_no_number_is_refused(tmp_path: Path, key: str, value: str) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(recogniser(metadata() | {key: value}).SerializeToString())
    with pytest.raises(ModelRefused, match=f"a {key} that is no number"):
        family_of(model)


@pytest.mark.parametrize("value", ["", "1,2", "a" + ",0" * 559])
def test_a_vector_of_another_length_is_refused(tmp_path: Path, value: str) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(recogniser(metadata() | {"neg_mean": value}).SerializeToString())
    with pytest.raises(ModelRefused, match="neg_mean that is no list of 560 numbers"):
        family_of(model)


def _without_metadata(path: Path) -> None:
    path.write_bytes(recogniser({}).SerializeToString())


def _a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _of_another_kind(path: Path) -> None:
    path.write_bytes(recogniser({"model_type": "zipformer2_ctc"}).SerializeToString())


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "no metadata": (_without_metadata, "says nothing of itself"),
    "another kind": (_of_another_kind, "calls itself zipformer2_ctc"),
    "cut short": (cut_short, "ends too early"),
    "a web page": (lambda path: path.write_text("<!DOCTYPE html><html>"), "is no ONNX file"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "gone": (Path.unlink, "can't be read"),
    "a folder": (_a_folder, "can't be read"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_model_is_refused_by_name(tmp_path: Path, how: str) -> None:
    files = build_tone_model(tmp_path)
    spoil, told = SPOILT[how]
    spoil(files.model)
    with pytest.raises(ModelRefused, match=rf"^model\.int8\.onnx .*{told}") as refused:
        check_recogniser(files.model, files.tokens, "sensevoice")
    assert refused.value.remedy
    assert str(tmp_path) not in refused.value.message


BAD_TOKENS: dict[str, tuple[str | bytes | None, str]] = {
    "gone": (None, "can't be read"),
    "empty": ("", "is no list of tokens"),
    "no text": (b"\xff\xfe\xff", "can't be read"),
    "a web page": ("<html>\n<body>", "is no list of tokens"),
    "without the first": ("a 1\nb 2\n", "is no list of tokens"),
    "of another model": ("".join(f"t{n} {n}\n" for n in range(25_055)), "belongs to another"),
    "cut short": ("".join(f"t{n} {n}\n" for n in range(60)), "belongs to another"),
}


@pytest.mark.parametrize("how", BAD_TOKENS)
def test_tokens_that_cannot_be_right_are_refused(tmp_path: Path, how: str) -> None:
    files = build_tone_model(tmp_path)
    content, told = BAD_TOKENS[how]
    files.tokens.unlink()
    if content is not None:
        files.tokens.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ModelRefused, match=rf"^tokens\.txt .*{told}"):
        check_recogniser(files.model, files.tokens, "sensevoice")


def test_a_blank_may_be_a_token(tmp_path: Path) -> None:
    files = build_tone_model(tmp_path)
    text = files.tokens.read_text("utf-8")
    files.tokens.write_text(text.replace("</s> 2\n", "  2\r\n"), "utf-8")
    check_recogniser(files.model, files.tokens, "sensevoice")


@pytest.mark.parametrize("how", ["cut short", "a web page", "empty", "gone"])
def test_a_spoilt_voice_detector_is_refused(tmp_path: Path, how: str) -> None:
    files = build_tone_model(tmp_path)
    spoil, told = SPOILT[how]
    spoil(files.vad)
    with pytest.raises(ModelRefused, match=rf"^silero_vad\.onnx .*{told}"):
        check_vad(files.vad)


def test_another_model_is_no_voice_detector(good: ToneFiles) -> None:
    with pytest.raises(ModelRefused, match="is no silero voice detector"):
        check_vad(good.model)


@given(data=st.binary(max_size=300))
def test_any_bytes_are_an_onnx_file_or_none(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    path.write_bytes(data)
    with suppress(NotOnnx):
        read_onnx(path)


@given(at=st.integers(0, 125_000), bytes_=st.binary(min_size=1, max_size=8))
def test_a_model_with_any_damage_is_taken_or_refused(
    good: ToneFiles, tmp_path_factory: pytest.TempPathFactory, at: int, bytes_: bytes
) -> None:
    whole = good.model.read_bytes()
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(whole[:at] + bytes_ + whole[at + len(bytes_) :])
    with suppress(ModelRefused):
        check_recogniser(path, good.tokens, "sensevoice")
