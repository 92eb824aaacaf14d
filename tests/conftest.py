import pytest

from engine_script import ScriptedEngine
from harness import Server


@pytest.fixture
def engine():
    e = ScriptedEngine()
    yield e
    e.close()


@pytest.fixture
def servers():
    """start(...) for tests that start servers of their own; all are stopped and looked at in the end."""
    started = []

    def start(*args, **more):
        started.append(Server(*args, **more))
        return started[-1]

    yield start
    try:
        for server in started:
            server.stop()
    finally:
        for server in started:
            server.erase()


@pytest.fixture
def server(engine, servers):
    return servers(engine)
