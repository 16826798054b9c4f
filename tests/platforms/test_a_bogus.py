import subprocess
import sys
from urllib.parse import quote

from hostcue.platforms.douyin import a_bogus

CODE = """
import os, sys
path = os.environ["PATH"]
from hostcue.platforms.douyin import a_bogus
assert a_bogus.sign("aid=6383", "UA")
assert "streamget" not in sys.modules and os.environ["PATH"] == path
"""


def test_a_signature_is_safe_in_a_query_once_quoted() -> None:
    signature = a_bogus.sign("aid=6383&web_rid=80017709309", "Mozilla/5.0")
    assert len(signature) > 100
    assert signature.endswith("=")
    assert quote(signature, safe="").isascii()


def test_signing_does_not_import_the_whole_library() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True, timeout=30)
