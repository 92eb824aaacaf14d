"""The console in a real browser: from the link to a first answer, every page, what strangers wrote, a small screen."""
import os
import shutil

import openai
import pytest

from engine_script import Gate, hold, pause, say, status
from harness import command
from mcp_script import McpServer
from test_mcp import allow, ask, tool, types
from test_webhooks import HERE, Receiver, background, endpoint

CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.compat, pytest.mark.skipif(not CHROMIUM, reason="Debian's package chromium is not installed")]
ATTACKS = ["<img src=x onerror=\"window.hit=1\">", "<script>window.hit=1</script>", "<svg onload=window.hit=1>", "[x](javascript:window.hit=1)",
           "`<b onmouseover=window.hit=1>`", "**<iframe srcdoc='<script>parent.hit=1</script>'>**", "```\n</pre><script>window.hit=1</script>\n```"]


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as p:
        b = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield b
        b.close()


@pytest.fixture
def page(browser, server):
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.wrong = []
    page.on("pageerror", lambda e: page.wrong.append(str(e)))
    page.on("console", lambda m: page.wrong.append(m.text) if m.type == "error" else None)
    page.base = server.base_url.removesuffix("/v1")
    yield page
    assert page.evaluate("window.hit") is None
    assert not page.wrong
    context.close()


def test_newcomer(server, engine, page):
    """The link, a new key, and a first answer with it."""
    page.goto(page.base + "/console")
    page.click("text=Create new secret key")
    page.fill("input[name=name]", "laptop")
    page.click("button:has-text('Create new secret key')")
    page.wait_for_selector("#secret")
    client = openai.OpenAI(base_url=server.base_url, api_key=page.inner_text("#secret"))
    answer = client.responses.create(model="gpt-4o-mini", input="Say hello.")
    page.goto(page.base + "/console/index.html#/responses")
    page.click("table tbody a")
    page.wait_for_selector("h2:has-text('Conversation')")
    assert answer.id in page.inner_text("h1") and answer.output_text in page.inner_text("main")


def test_link_in_a_browser_that_is_out(server, page, browser):
    client_key = command("keys", "create", "first", "--data", server.data, home=server.home)
    assert client_key.returncode == 0
    link = command("console", "--data", server.data, home=server.home).stdout.strip()
    page.goto(link)
    page.wait_for_selector("text=First request")
    assert "sign-in" not in page.url
    page.click("#sign-out")
    page.wait_for_selector("text=You have signed out")
    page.wrong.clear()


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_strangers_wrote_is_text(server, engine, page, attack):
    engine.next(say(attack))
    made = server.create(attack, instructions=attack, metadata={"x": attack[:60]})
    page.goto(page.base + f"/console/index.html#/responses/{made['id']}")
    page.wait_for_selector("h2:has-text('Conversation')")
    page.click("summary:has-text('/v1/chat/completions')")
    page.wait_for_selector("details[open] pre:has-text('messages')")
    page.click("text=Play its events again")
    page.wait_for_selector("text=response.completed")
    page.wait_for_timeout(100)
    assert page.locator("main script, main iframe, main svg[onload], main img").count() == 0


def test_playground_streams(server, engine, page):
    engine.next(say("Hel", "lo ", "there"))
    page.goto(page.base + "/console/index.html#/playground")
    page.fill("label:has-text('Input') textarea", "Greet me")
    page.click("button:has-text('Ask')")
    page.wait_for_selector("text=Look at it")
    assert "Hello there" in page.inner_text("main")
    assert "Greet me" in page.locator("details:has-text('Python') pre").text_content()


def test_time_line_and_engines(server, engine, page):
    engine.next(pause(0.2), say("Hel"), pause(0.4), say("lo"))
    made = server.create("x")
    page.goto(page.base + f"/console/index.html#/responses/{made['id']}")
    page.wait_for_selector("h2:has-text('Where its time went')")
    said = page.locator("svg.bars").first.get_attribute("aria-label")
    assert "prompt: " in said and "answer: " in said and "save: " in said
    at = {label: (x, width) for label, x, width in page.locator("svg.bars").first.evaluate(
        "svg => [...svg.querySelectorAll('rect')].map(r => [r.previousSibling.textContent, +r.getAttribute('x'), +r.getAttribute('width')])")}
    got = server.get(f"/v1/responses/{made['id']}/phases").json
    for phase in got["phases"]:
        x, width = at[phase["type"]]
        assert abs(x - 150 - 360 * phase["start_us"] / got["total_us"]) < 2
        assert abs(width - max(1, 360 * (phase["duration_us"] or 0) / got["total_us"])) < 2
    page.goto(page.base + "/console/index.html#/engines")
    page.wait_for_selector("h2:has-text('What runs now')")
    assert "0 of 64" in page.inner_text("main") and "up" in page.inner_text("main")


def test_every_page_on_a_small_screen(server, page):
    page.goto(page.base + "/console")
    page.wait_for_selector("nav a")
    page.set_viewport_size({"width": 400, "height": 800})
    for href in page.eval_on_selector_all("nav a", "all => all.map(a => a.hash)"):
        page.goto(page.base + "/console/index.html" + href)
        page.wait_for_selector(f"nav a[aria-current][href='{href}']")
        page.wait_for_selector("main h1")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, href


def test_forks_are_drawn(server, engine, page):
    first = server.create("how many?")["id"]
    left = server.create("<b onmouseover=window.hit=1>sure</b>?", previous_response_id=first)["id"]
    right = server.create("again", previous_response_id=first)["id"]
    page.goto(page.base + f"/console/index.html#/responses/{left}")
    page.wait_for_selector("svg.tree")
    assert page.locator("svg.tree a").count() == 3 and page.locator("svg.tree path.edge").count() == 2
    assert page.locator("svg.tree a[aria-current] text").first.text_content().startswith("<b onmouseover")
    boxes = page.locator("svg.tree rect").evaluate_all("all => all.map(r => [+r.getAttribute('x'), +r.getAttribute('y')])")
    assert boxes[1][0] == boxes[0][0] and boxes[1][1] > boxes[0][1] and boxes[2][1] == boxes[1][1] and boxes[2][0] > boxes[1][0]
    page.locator("svg.tree a").last.focus()  # by keyboard
    page.keyboard.press("Enter")
    page.wait_for_selector(f"h1:has-text('{right}')")


def test_conversation_is_read(server, engine, page):
    conversation = server.post("/v1/conversations", {"metadata": {"for": "a trial"}}).json["id"]
    engine.next(say("Eleven."))
    server.create("count them", conversation=conversation)
    server.create("and again", conversation=conversation)
    page.goto(page.base + "/console/index.html#/conversations")
    page.click("main table a")
    page.wait_for_selector("svg.tree")
    said = page.inner_text("main")
    assert "count them" in said and "Eleven." in said and conversation in said


def test_responses_are_found(server, engine, page):
    server.create("about apples")
    server.create("about pears")
    page.goto(page.base + "/console/index.html#/responses")
    page.wait_for_selector("main table tbody tr:nth-child(2)")
    page.fill("input[name=text]", "PEARS")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('main table tbody tr').length === 1")
    page.fill("input[name=text]", "plums")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=No stored responses")
    page.fill("input[name=text]", "")
    page.keyboard.press("Enter")
    page.wait_for_selector("main table tbody tr:nth-child(2)")
    page.evaluate("document.activeElement.blur()")
    server.create("about figs")  # the list is live
    page.wait_for_selector("main table tbody tr:nth-child(3)", timeout=15000)


def test_usage_is_drawn(servers, engine, page):
    server = servers(engine, args=["--set", "prices.models=*=1000/1000"])
    made = [server.create("x")["usage"] for _ in range(3)]
    page.goto(server.base_url.removesuffix("/v1") + "/console/index.html#/usage")
    page.wait_for_selector("main table tbody tr")
    said = page.inner_text("main table tbody tr")
    assert "scripted" in said and str(sum(u["input_tokens"] for u in made)) in said
    assert f"{sum(u['total_tokens'] for u in made)} tokens" in page.locator("svg.bars").get_attribute("aria-label")
    assert f"${sum(u['total_tokens'] for u in made) / 1000:.4f}" in page.inner_text("main")
    page.select_option("select[name=kind]", "images")
    page.wait_for_selector("text=Nothing was used in these days")


def test_limits_are_set(servers, engine, page):
    server = servers(engine, args=["--set", "prices.models=*=1000/1000"])
    base = server.base_url.removesuffix("/v1") + "/console/index.html#/keys"
    page.goto(base)
    page.fill("input[name=name]", "<b onmouseover=window.hit=1>laptop</b>")
    page.click("button:has-text('Create new secret key')")
    secret = page.inner_text("#secret")
    page.click("main tbody tr >> nth=0 >> button:has-text('Limits')")
    page.fill("form.box input[name=requests_per_minute]", "1")
    page.fill("form.box input[name=budget_per_month]", "2.50")
    page.keyboard.press("Enter")
    page.wait_for_selector("td:has-text('1 requests a minute')")
    client = openai.OpenAI(base_url=server.base_url, api_key=secret, max_retries=0)
    used = client.responses.create(model="gpt-4o-mini", input="x").usage.total_tokens / 1000
    with pytest.raises(openai.RateLimitError):
        client.responses.create(model="gpt-4o-mini", input="x")
    page.reload()
    page.wait_for_selector(f"td:has-text('${used:.4f} of 2.50')")
    assert "s ago" in page.inner_text("main tbody tr >> nth=0")
    page.click("tr:has-text('default') >> nth=-1 >> button:has-text('Limits')")
    page.fill("form.box input[name=storage_bytes]", "5")
    page.click("text=Set limits")
    page.wait_for_selector("td:has-text('5 bytes of files')")
    page.click("main tbody tr >> nth=0 >> button:has-text('Limits')")
    page.fill("form.box input[name=requests_per_minute]", "")
    page.fill("form.box input[name=budget_per_month]", "")
    page.click("text=Set limits")
    page.wait_for_function("!document.querySelector('main tbody').innerText.includes('requests a minute')")


def test_webhooks_are_sent_again(servers, engine, page):
    receiver, server = Receiver(), servers(engine, args=(*HERE, "--set", "api.webhook_retry_ms=3600000"))
    base = server.base_url.removesuffix("/v1") + "/console/index.html#/webhooks"
    page.goto(base)
    page.fill("input[name=name]", "<img src=x onerror=window.hit=1>")
    page.fill("input[name=url]", receiver.url)
    page.click("button:has-text('Create endpoint')")
    page.wait_for_selector("code:has-text('whsec_')")
    receiver.script = [500]
    made = background(server)
    receiver.wait(1)
    page.click("main table a")
    page.wait_for_selector("h1:has-text('onerror')")
    page.click("button:has-text('Look again')")
    page.wait_for_selector("td:has-text('its answer was 500')")
    page.click("button:has-text('Send now')")
    assert {d.json["data"]["id"] for d in receiver.wait(2)} == {made["id"]}
    page.click("button:has-text('Look again')")
    page.wait_for_selector(".good:has-text('delivered')")
    page.click("button:has-text('Send again')")
    assert len({d.id for d in receiver.wait(3)}) == 1
    page.click("button:has-text('Send a sample')")
    page.wait_for_selector("text=The endpoint answered 200.")


def test_mcp_servers_are_shown(servers, engine, page):
    with McpServer() as mcp:
        server = servers(engine, args=allow(mcp, "--set", f"mcp.servers=<img/src/onerror/window.hit>={mcp.url('broken')}"))
        ask(server, engine, mcp, '{"to": "x"}', "write")
        page.goto(server.base_url.removesuffix("/v1") + "/console/index.html#/mcp")
        page.wait_for_selector("text=speaks 2026-07-28")
        page.click("summary")
        said = page.inner_text("main")
        assert "<img/src/onerror/window.hit>" in said and "not asked yet" in said and "1 calls wait for approval" in said and "may change things" in said


def test_gauges_are_live(server, engine, page):
    server.create("one")
    page.goto(page.base + "/console/index.html#/gauges")
    page.wait_for_selector("dt:has-text('of slots') + dd:has-text('64')")
    gate = Gate()
    engine.next(hold(gate), say("done"))
    made = server.create("two", background=True)
    page.wait_for_selector("dt:has-text('being made') + dd:has-text('1')", timeout=15000)
    gate.open.set()
    page.wait_for_selector("dt:has-text('being made') + dd:text-is('0')", timeout=15000)
    page.wait_for_function("![...document.querySelectorAll('dd')].some(d => d.textContent === '...' || d.textContent === 'NaN')")
    assert made["id"]


def test_runs_are_seen_and_cancelled(server, engine, page):
    engine.next(status(400, {"message": "<img src=x onerror=window.hit=1>"}))
    failed = server.create("fails", background=True)
    gate = Gate()
    page.goto(page.base + "/console/index.html#/runs")
    page.wait_for_selector(f"tr:has-text('{failed['id'][:13]}') .bad:has-text('failed')")
    engine.next(hold(gate), say("late"))
    server.create("waits", background=True)
    page.click("button:has-text('Cancel')", timeout=15000)
    page.wait_for_selector(".bad:has-text('cancelled')")
    gate.open.set()


def test_versions_are_shown(server, page):
    made = server.post("/v1/prompts", {"name": "greet", "instructions": "one <svg onload=window.hit=1>"}).json
    server.post(f"/v1/prompts/{made['id']}/versions", {"instructions": "two"})
    page.goto(page.base + f"/console/index.html#/prompts/{made['id']}")
    page.wait_for_selector("h2:has-text('Versions')")
    assert page.locator("main table tbody tr").count() == 2


AXE = os.path.join(os.environ.get("COMPAT_CACHE") or os.path.expanduser("~/.cache/antiphon-compat"), "axe/node_modules/axe-core/axe.min.js")


@pytest.mark.skipif(not os.path.exists(AXE), reason="axe-core is not fetched: tools/compat.sh")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_anybody_can_use_it(browser, server, engine, scheme):
    """WCAG A and AA, as far as axe-core sees them: every page with something on it and without, and one of each thing."""
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)  # axe-core is a script that the policy would refuse
    page = context.new_page()
    base = server.base_url.removesuffix("/v1") + "/console/index.html"

    def look(where, wait="main h1"):
        page.goto("about:blank")
        page.goto(base + where)
        page.wait_for_selector(wait)
        page.wait_for_timeout(50)
        page.add_script_tag(path=AXE)
        found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})")["violations"]
        assert not found, [(where, v["id"], v["help"], [n["html"][:200] for n in v["nodes"]][:3]) for v in found]

    page.goto(base)
    page.wait_for_selector("nav a")
    pages = page.eval_on_selector_all("nav a", "all => all.map(a => a.hash)")
    for where in pages:
        look(where)
    engine.next(say("# Head\n\n`code` and **more**\n```\nx\n```\n"))
    first = server.create("how many?", tools=[{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}])["id"]
    second = server.create("sure?", previous_response_id=first)["id"]
    conversation = server.post("/v1/conversations", {}).json["id"]
    server.create("in it", conversation=conversation)
    store = server.post("/v1/vector_stores", {"name": "notes"}).json["id"]
    hook = endpoint(server, "https://example.com/hook")["id"]
    make = page.request.post(base.removesuffix("index.html") + "api/keys", data={"name": "k"}, headers={"x-antiphon-console": "1"})
    assert make.ok
    for where in pages:
        look(where)
    for where, wait in [(f"#/responses/{first}", "svg.tree"), (f"#/responses/{second}", "h2:has-text('JSON')"), (f"#/conversations/{conversation}", "main h1"), (f"#/stores/{store}", "main h1"), (f"#/webhooks/{hook}", "h2:has-text('Deliveries')"),
                        ("#/responses/resp_" + "0" * 40, "main [role=alert]")]:
        look(where, wait)
    context.close()


def test_a_call_is_approved(servers, engine, page):
    with McpServer() as mcp:
        server = servers(engine, args=allow(mcp))
        made = [ask(server, engine, mcp, '{"to": "<img src=x onerror=window.hit=1>"}', "write") for _ in range(2)]
        page.goto(server.base_url.removesuffix("/v1") + "/console/index.html#/approvals")
        page.wait_for_selector("text=calc: write")
        assert "onerror" in page.inner_text("main") and mcp.url("modern") in page.inner_text("main")
        page.locator("button:has-text('Approve')").last.click()
        page.wait_for_selector(".good:has-text('approved')")
        page.locator("input[name=reason]").first.fill("not today")
        page.locator("button:has-text('Refuse')").first.click()
        page.wait_for_selector(".bad:has-text('refused')")
        engine.always(lambda request: [say("ok")])
        done = [server.create("go on", previous_response_id=m["id"], tools=[tool(mcp, approval="always")]) for m in made]
        assert [types(d) for d in done] == [["mcp_call", "message"], ["message"]] and mcp.written == 1
        assert "not today" in str(engine.requests[-1].body["messages"])
