"""The key that seals secrets: a file's, or the operator's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from hostcue.config import Settings
from hostcue.errors import ConfigError
from hostcue.storage.vault import Vault

PASSPHRASE = "correct horse battery staple"


@pytest.mark.parametrize(
    "key",
    [PASSPHRASE, "主播说什么都行的长口令啊", Fernet.generate_key().decode()],
    ids=["a passphrase", "a Chinese one", "a Fernet key"],  # the same in every process of a run
)
def test_any_passphrase_opens_what_it_sealed_and_no_file_is_made(tmp_path: Path, key: str) -> None:
    file = tmp_path / "secret.key"
    sealed = Vault.at(file, key).seal("cookie=c0ffee")
    assert Vault.at(file, key).open(sealed) == "cookie=c0ffee"
    assert b"c0ffee" not in sealed
    assert not file.exists()


def test_a_fernet_key_is_used_as_it_is(tmp_path: Path) -> None:
    key = Fernet.generate_key()
    sealed = Vault.at(tmp_path / "key", key.decode()).seal("x")
    assert Fernet(key).decrypt(sealed) == b"x"


def test_another_passphrase_opens_nothing(tmp_path: Path) -> None:
    sealed = Vault.at(tmp_path / "key", PASSPHRASE).seal("x")
    with pytest.raises(ConfigError) as caught:
        Vault.at(tmp_path / "key", f"{PASSPHRASE}!").open(sealed)
    assert "HOSTCUE_SECRET_KEY" in (caught.value.remedy or "")
    assert PASSPHRASE not in str(caught.value)


def test_what_the_file_s_key_sealed_stays_readable_when_a_passphrase_takes_over(
    tmp_path: Path,
) -> None:
    file = tmp_path / "secret.key"
    before = Vault.at(file).seal("x")
    vault = Vault.at(file, PASSPHRASE)
    assert vault.open(before) == "x"
    with pytest.raises(ConfigError):
        Vault.at(file).open(vault.seal("y"))  # the passphrase is what seals now


def test_a_passphrase_that_can_be_guessed_is_refused_without_quoting_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOSTCUE_SECRET_KEY", "hunter2")
    with pytest.raises(ConfigError, match="at least 12 characters") as caught:
        Settings.load()
    assert caught.value.field == "HOSTCUE_SECRET_KEY"
    assert "hunter2" not in str(caught.value)


def test_a_key_for_another_purpose_is_always_the_same_and_tells_nothing_of_ours(
    tmp_path: Path,
) -> None:
    file = tmp_path / "secret.key"
    (viewers,) = Vault.at(file).derived("viewers")
    assert Vault.at(file).derived("viewers") == [viewers]
    assert Vault.at(file).derived("other") != [viewers]
    assert viewers not in file.read_bytes()
    _, older = Vault.at(file, "a passphrase of one's own").derived("viewers")
    assert older == viewers
