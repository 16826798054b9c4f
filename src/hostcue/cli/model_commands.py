"""`hostcue models`: its commands; their work is in `models.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hostcue.config import Settings

app = typer.Typer(no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one object.")]
Name = Annotated[str, typer.Argument(help="As `hostcue models list` names it.")]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """Say which models there are, which lie here, and what their licences ask."""
    from hostcue.cli.models import list_models as show

    show(Settings.load(), as_json=as_json)


@app.command("pull")
def pull(
    names: Annotated[
        list[str] | None, typer.Argument(help="Default: the one that HOSTCUE_SPEECH_MODEL names.")
    ] = None,
    source: Annotated[
        str,
        typer.Option(help="Look for <id>/<file> and <file> under this address, nowhere else."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Download models, and the voice detector with them; Ctrl-C stops, the next pull goes on."""
    from hostcue.cli.models_pull import pull as pull_models

    pull_models(Settings.load(), names or [], source=source, as_json=as_json)


@app.command("verify")
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Default: all that lie here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read every byte of the models here, and say whether it is still right."""
    from hostcue.cli.models import verify as verify_models

    raise SystemExit(verify_models(Settings.load(), names or [], as_json=as_json))


@app.command("import")
def import_model(
    source: Annotated[Path, typer.Argument(help="A folder, or a tar file.")],
    name: Annotated[str, typer.Option(help="Of a model of your own.")] = "",
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Also one whose hashes nobody knows.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copy models that were carried here; known ones are checked as if they were downloaded."""
    from hostcue.cli.models import import_models

    import_models(Settings.load(), source, name=name, allow_unknown=allow_unknown, as_json=as_json)


@app.command("rm")
def remove(
    name: Name,
    force: Annotated[bool, typer.Option(help="Also while a server runs here.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a model."""
    from hostcue.cli.models import delete

    delete(Settings.load(), name, force=force, as_json=as_json)


@app.command("path")
def path(
    name: Annotated[
        str, typer.Argument(help="Default: the one that HOSTCUE_SPEECH_MODEL names.")
    ] = "",
) -> None:
    """Print the folder of a model that is there and sound."""
    from hostcue.cli.models import print_path

    print_path(Settings.load(), name)
