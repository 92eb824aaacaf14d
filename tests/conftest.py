import os

import pytest

import harness
from crossing import PRISM_CANNOT, Prism
from engine_script import ScriptedEngine
from harness import Answer, Server
from mcp_script import McpServer
from openapi import OpenApi
from web_script import ScriptedWeb


def pytest_collection_modifyitems(items):
    for item in items if harness.STORE != "sqlite" else []:
        if item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip(reason="of SQLite"))
    for item in items if os.environ.get("ANTIPHON_PRISM") else []:
        for piece, reason in PRISM_CANNOT.items():
            if piece in item.nodeid:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def openapi():
    return OpenApi()


@pytest.fixture(scope="session", autouse=True)
def front():
    """Prism before the servers that the SDKs talk to, where ANTIPHON_PRISM names the program (tools/compat.sh)."""
    if not os.environ.get("ANTIPHON_PRISM"):
        yield None
        return
    harness.FRONT = Prism(os.environ["ANTIPHON_PRISM"])
    yield harness.FRONT
    harness.FRONT.close()


@pytest.fixture(autouse=True)
def no_rule_broken(openapi, front, request):
    """Every answer and event that a test saw keeps the rules of OpenAI's OpenAPI file (openapi.py)."""
    broken = set()

    def see(method, path, what):
        if isinstance(what, Answer):
            broken.update(openapi.answer(method, path, what.status, what.headers.get("content-type"), what.body))
        elif what.data is not None:
            broken.update(openapi.streamed(path, what.data))

    harness.WITNESSES.append(see)
    yield
    harness.WITNESSES.remove(see)
    if front:
        broken.update(front.complaints())
    assert not broken or request.node.get_closest_marker("beside_openapi"), "\n".join(sorted(broken))


@pytest.fixture
def web():
    w = ScriptedWeb()
    yield w
    w.close()


@pytest.fixture
def mcp():
    with McpServer() as server:
        yield server


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
