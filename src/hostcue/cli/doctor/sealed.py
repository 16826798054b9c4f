"""What is kept under a key: whether the settings' key still opens it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from hostcue.config import Settings
from hostcue.errors import ConfigError
from hostcue.storage.database import sqlite_path
from hostcue.storage.vault import Vault
from hostcue.wiring.outside import secret


def sealed_with_another_key(settings: Settings) -> int:
    """How many recordings would go on and cannot, since no key here opens their link.

    Nothing is made or changed, neither a key nor a database, and a server may run meanwhile.

    Raises:
        ConfigError: the key file holds no usable key.
    """
    path = sqlite_path(settings.sqlite_url)
    if not path.is_file():
        return 0
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=2)) as database:
            rows = database.execute("SELECT link_sealed FROM recordings WHERE wanted").fetchall()
    except sqlite3.Error:
        return 0  # of another version, or busy: the server says what is wrong with it
    if not rows:
        return 0
    vault = _vault(settings)
    return len(rows) if vault is None else sum(not _opens(vault, row[0]) for row in rows)


def _vault(settings: Settings) -> Vault | None:
    file = settings.data_dir / "secret.key"
    if settings.secret_key is None and not file.is_file():
        return None
    return Vault.at(file, secret(settings.secret_key))


def _opens(vault: Vault, sealed: bytes) -> bool:
    try:
        vault.open(sealed)
    except ConfigError:
        return False
    return True
