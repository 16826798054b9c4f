"""Secrets at rest: sealed with a key from the settings, or from a file only we may read."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from hostcue.errors import ConfigError


class Vault:
    """Seals short texts; live URLs may carry signatures, so they are stored this way."""

    def __init__(self, key: bytes) -> None:
        try:
            self._cipher = Fernet(key)
        except ValueError as exc:
            raise ConfigError(
                "the key file does not hold a usable key",
                field="HOSTCUE_DATA_DIR",
                remedy="restore secret.key from a backup, or delete it: recordings under way "
                "then have to be started again by hand",
            ) from exc

    @classmethod
    def at(cls, file: Path) -> Vault:
        """The vault whose key is in `file`; the file is made, mode 0600, when it is missing."""
        try:
            return cls(file.read_bytes().strip())
        except FileNotFoundError:
            key = Fernet.generate_key()
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(key)
            return cls(key)

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
                remedy="restore the secret.key that belongs to this database",
            ) from None
