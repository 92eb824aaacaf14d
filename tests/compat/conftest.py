import os
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from codex_cli import Codex
from relay import Relay


@pytest.fixture
def relay(server):
    r = Relay(server)
    yield r
    r.close()


@pytest.fixture
def codexes(tmp_path):
    """start(server, relay, websocket): a Codex with a home that is gone afterwards."""
    cache = os.environ.get("COMPAT_CACHE") or os.path.expanduser("~/.cache/antiphon-compat")
    os.makedirs(cache, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="codex-home-", ignore_cleanup_errors=True) as home:
        yield lambda server, relay, websocket: Codex(server, relay, home, tmp_path, websocket)


@pytest.fixture(params=["http", "websocket"])
def codex(server, relay, codexes, request):
    """Codex with the settings that `antiphon codex` prints, over each transport."""
    one = codexes(server, relay, request.param == "websocket")
    one.printed()
    yield one
    one.check_transport()
