"""The `a_bogus` signature of Douyin's HTTP interface."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path


def sign(query: str, user_agent: str) -> str:
    """`a_bogus` for an encoded query string.

    `user_agent` goes into the signature, so it must be the one the request is sent with.
    """
    return _signer()(query, user_agent)


@cache
def _signer() -> Callable[[str, str], str]:
    """`ab_sign` of the streamget package, loaded from its file alone.

    Importing the package would run fifty platform modules (half a second, 6 MiB) and change PATH.
    """
    package = importlib.util.find_spec("streamget")
    if package is None or package.origin is None:
        raise ImportError("streamget is not installed")
    file = Path(package.origin).parent / "platforms" / "douyin" / "ab_sign.py"
    spec = importlib.util.spec_from_file_location("_streamget_ab_sign", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    signer: Callable[[str, str], str] = module.ab_sign
    return signer
