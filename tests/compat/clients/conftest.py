"""One server and one scripted engine for a whole file of these tests: what is tried is the clients, not the start."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from engine_script import ScriptedEngine, echo
from harness import Server


@pytest.fixture(scope="module")
def house(request, tmp_path_factory):
    """ENGINE in a test's module: further settings of its engine, as YAML."""
    engine = ScriptedEngine(vision=True)
    settings = tmp_path_factory.mktemp("settings") / "antiphon.yaml"
    settings.write_text(f"engines:\n  - url: {engine.url[:-len('/v1')]}\n{getattr(request.module, 'ENGINE', '')}")
    server = Server(args=["--config", str(settings)])
    try:
        yield server, engine
        server.stop()
    finally:
        server.erase()
        engine.close()


@pytest.fixture
def server(house):
    return house[0]


@pytest.fixture
def engine(house):
    engine = house[1]
    engine.requests.clear()
    engine.always(echo)
    yield engine
    left, engine.scripts = engine.scripts, []
    assert not left, f"{len(left)} scripts were never asked for"
