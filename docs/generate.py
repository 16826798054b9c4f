"""Writes the pages that come from code: `settings.md` and `openapi.json`.

With `--check` nothing is written; exit code 1 says that a page is out of date.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from hostcue.config import Settings, variable_name
from hostcue.web.app import create_app
from hostcue.wiring import open_service

HERE = Path(__file__).parent
HEAD = """# Settings

Read from the environment and from a `.env` file in the working folder. An empty value counts as
not set. Written by `make docs` from `hostcue.config`.

| variable | meaning | default |
|---|---|---|
"""


def settings_page() -> str:
    """One row per environment variable."""
    rows = [
        f"| `{variable_name(name)}` | {field.description} | {_default(field)} |"
        for name, field in Settings.model_fields.items()
    ]
    return HEAD + "\n".join(rows) + "\n"


def openapi_page() -> str:
    """The description of every route."""
    app = create_app(partial(open_service, Settings.only({})))
    return json.dumps(app.openapi(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value == "" or isinstance(value, SecretStr):
        return "-"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def main() -> int:
    """Write, or compare."""
    stale = []
    for name, text in (("settings.md", settings_page()), ("openapi.json", openapi_page())):
        path = HERE / name
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    for name in stale:
        sys.stderr.write(f"docs/{name} is out of date: run `make docs`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
