"""Recorded sessions with the tool mcp, played: the live model's calls and texts become the engine's script, the recorded lists and
outputs those of MCP servers. Our events must be as recorded."""
import contextlib
import re

import pytest

from engine_script import call, say, think
from harness import Stream
from mcp_script import McpServer
from test_recorded_streams import shapes
from test_recordings import events_of, exchanges, items_of

KINDS = {"message", "reasoning", "mcp_list_tools", "mcp_call", "mcp_approval_request"}
# Live says `done` of the last list alone, where there are several.
ODD = {"pydantic-ai 255": "several lists at once: only the last one has its output_item.done, live"}


def sessions():
    for place, request, response in exchanges():
        events, items = events_of(response), items_of(response)
        if {"mcp_list_tools", "mcp_call"} & {i["type"] for i in items} and {i["type"] for i in items} <= KINDS:
            yield pytest.param(place, events, items, id=place)


CASES = list(sessions())


class Recorded(McpServer):
    """The server of one label: its list, and its outputs in their order."""

    def __init__(self, listed, items):
        super().__init__()
        self.tools = [{"name": t["name"], "description": t["description"], "inputSchema": t["input_schema"],
                       "annotations": {"readOnlyHint": t["annotations"]["read_only"]}} for t in listed["tools"]]
        self.outputs = [i for i in items if i["type"] == "mcp_call" and i["server_label"] == listed["server_label"]]

    def call(self, name, args):
        item = self.outputs.pop(0)
        assert item["name"] == name
        text = item["output"] if item["output"] is not None else str(item["error"])
        return {"content": [{"type": "text", "text": text}], "isError": bool(item.get("error"))}


def function(item):
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{item['server_label']}__{item['name']}")


def script(items):
    """The engine's answers: each ends in a call, the last in a text."""
    steps = []
    for item in items:
        if item["type"] == "reasoning":
            steps.append(think("Hm."))
        elif item["type"] == "message":
            text = "".join(part["text"] for part in item["content"])
            steps.append(say(*[text[i:i + 40] for i in range(0, len(text), 40)]))
        elif item["type"] in ("mcp_call", "mcp_approval_request") and not item.get("approval_request_id"):
            yield [*steps, call(function(item), item["arguments"])]
            steps = []
    if steps:
        yield steps


@pytest.mark.parametrize("place, events, items", CASES)
def test_played(servers, engine, place, events, items):
    with contextlib.ExitStack() as stack:
        lists = {i["server_label"]: i for i in items if i["type"] == "mcp_list_tools"}
        mcp = {label: stack.enter_context(Recorded(listed, items)) for label, listed in lists.items()}
        allow = [a for m in mcp.values() for a in ("--set", f"mcp.allow=http://127.0.0.1:{m.port}")][-2:]
        server = servers(engine, args=allow)
        asks = any(i["type"] == "mcp_approval_request" for i in items)
        approved = [i for i in items if i.get("approval_request_id")]
        tools = [{"type": "mcp", "server_label": label, "server_url": m.url("modern"),
                  "require_approval": "always" if asks or approved else "never"} for label, m in mcp.items()]
        entry = [{"role": "user", "content": "Go on."}]
        if approved:  # it was asked for in a response before, which is not continued
            engine.next(call(function(approved[0]), approved[0]["arguments"]))
            before = server.create("Go on.", tools=tools)
            request = before["output"][-1]
            assert request["type"] == "mcp_approval_request"
            entry += [request, {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": True}]
        for steps in script(items):
            engine.next(*steps)
        body = {"model": "scripted", "input": entry, "tools": tools, "stream": bool(events)}
        if not events:
            made = server.post("/v1/responses", body).json
            assert [i["type"] for i in made["output"]] == [i["type"] for i in items]
            for mine, theirs in zip(made["output"], items):
                if theirs["type"].startswith("mcp"):
                    assert list(mine) == [k for k in mine if k in theirs] and set(theirs) <= set(mine)
            return
        mine = [e.data for e in Stream(*server.open("POST", "/v1/responses", body)) if e.data]
        assert mine[-1]["type"] == "response.completed"
        if place not in ODD:
            assert shapes(mine) == shapes(events)


def test_what_is_played():
    kinds = {i["type"] for case in CASES for i in case.values[2]}
    assert kinds == KINDS and len(CASES) >= 10
