"""Secrets at rest: sealed with a key from the settings, or from a file only we may read."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from hostcue.errors import ConfigError

log = structlog.get_logger(__name__)

RIGHT_KEY = (
    "start with the HOSTCUE_SECRET_KEY, or the secret.key in HOSTCUE_DATA_DIR, "
    "that they were sealed with"
)
"""What helps where something was sealed with another key."""


class Vault:
    """Seals short texts: links, which may carry signatures, cookies, proxies with their passwords.

    What was sealed with one of the `older` keys can be opened too.
    """

    def __init__(self, key: bytes, *older: bytes) -> None:
        self._keys = (key, *older)
        try:
            self._cipher = MultiFernet([Fernet(one) for one in (key, *older)])
        except ValueError as exc:
            raise ConfigError(
                "the key file does not hold a usable key",
                field="HOSTCUE_DATA_DIR",
                remedy="restore secret.key from a backup, or delete it: recordings under way "
                "then have to be started again by hand",
            ) from exc

    @classmethod
    def at(cls, file: Path, secret_key: str | None = None) -> Vault:
        """The vault whose key is `secret_key`, a Fernet key or any passphrase, or else in `file`.

        The file is made, mode 0600, when it is needed and missing; a key in it from before opens
        what it sealed.
        """
        if secret_key is not None:
            older = [file.read_bytes().strip()] if file.is_file() else []
            return cls(_key_of(secret_key), *older)
        try:
            return cls(file.read_bytes().strip())
        except FileNotFoundError:
            key = Fernet.generate_key()
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(key)
            log.info("key_made", file=file.name)
            return cls(key)

    def derived(self, purpose: str) -> list[bytes]:
        """A key for something else than sealing, of each of our keys, the present one first."""
        return [hmac.digest(key, f"hostcue {purpose}".encode(), "sha256") for key in self._keys]

    def seal(self, secret: str) -> bytes:
        """Encrypt and sign."""
        return self._cipher.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """What was sealed.

        Raises:
            ConfigError: it was sealed with another key.
        """
        try:
            return self._cipher.decrypt(sealed).decode()
        except InvalidToken:
            raise ConfigError(
                "a stored secret was sealed with another key",
                field="HOSTCUE_DATA_DIR",
                remedy="restore the secret.key or HOSTCUE_SECRET_KEY that belongs to this database",
            ) from None


def _key_of(secret_key: str) -> bytes:
    """A Fernet key as it is; of anything else one is derived, always the same."""
    key = secret_key.strip().encode()
    try:
        Fernet(key)
    except ValueError:
        # the salt is fixed, so that the same passphrase opens the database on another machine
        derived = hashlib.scrypt(key, salt=b"hostcue vault", n=2**14, r=8, p=1, dklen=32)
        return base64.urlsafe_b64encode(derived)
    return key
