"""What is kept: the tables, and the vault that seals what is secret in them."""

from __future__ import annotations

from hostcue.config import Settings
from hostcue.pipeline.analysis import Stores
from hostcue.storage.analyses import Analyses
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database
from hostcue.storage.gaps import Gaps
from hostcue.storage.recordings import Recordings
from hostcue.storage.segments import Segments
from hostcue.storage.speech_spans import SpeechSpans
from hostcue.storage.tips import Tips
from hostcue.storage.utterances import Utterances
from hostcue.storage.vault import Vault
from hostcue.wiring.outside import secret


def vault_of(settings: Settings) -> Vault:
    """What seals, with the key of the settings or of the data folder."""
    return Vault.at(settings.data_dir / "secret.key", secret(settings.secret_key))


def stores_of(database: Database, vault: Vault) -> Stores:
    """The tables of recordings, comments, speech and analyses."""
    return Stores(
        recordings=Recordings(database, vault),
        gaps=Gaps(database),
        segments=Segments(database),
        comments=Comments(database),
        utterances=Utterances(database),
        speech_spans=SpeechSpans(database),
        analyses=Analyses(database),
        tips=Tips(database),
    )
