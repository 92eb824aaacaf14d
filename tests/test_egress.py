"""network_policy: what code in a container reaches, what it does not, and where a secret is seen."""
import base64
import http.server
import json
import os
import ssl
import subprocess
import threading

import pytest

from engine_script import say
from test_code_interpreter import ask, calls, logs, python

# The one name that every machine knows is localhost; programs of a box ask no proxy for it unless they are told to.
FETCH = """
import urllib.request, os
os.environ.update(NO_PROXY='', no_proxy='')
def get(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as r: return r.status, r.read().decode()
    except urllib.error.HTTPError as e: return e.code, e.read().decode()
    except OSError as e: return type(e).__name__, str(getattr(e, 'reason', e))
"""


class Host:
    """A host outside, by http and https: what it was asked, and answers that say it back."""

    def __init__(self, folder):
        self.asked = []
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                host.asked.append((self.path, dict(self.headers)))
                if self.path.startswith("/to/"):
                    self.send_response(302)
                    self.send_header("Location", self.path[4:])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                body = json.dumps({k.lower(): v for k, v in self.headers.items()}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                host.asked.append((self.path, dict(self.headers), body))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.authority = os.path.join(folder, "ca.pem")
        key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert], check=True, capture_output=True)
        with open(cert) as a, open(self.authority, "w") as b:
            b.write(a.read())
        self.plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.secure = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.secure.socket = context.wrap_socket(self.secure.socket, server_side=True)
        for s in (self.plain, self.secure):
            threading.Thread(target=s.serve_forever, daemon=True).start()
        self.http, self.https = (f"{scheme}://localhost:{s.server_port}" for scheme, s in (("http", self.plain), ("https", self.secure)))

    def settings(self, **more):
        rows = {"domains": "localhost,a.example", "allow": "127.0.0.0/8",
                "ports": f"{self.plain.server_port},{self.secure.server_port}", **more}
        return [arg for name, value in rows.items() for arg in ("--set", f"egress.{name}={value}")]

    def close(self):
        for s in (self.plain, self.secure):
            s.shutdown()
            s.server_close()


@pytest.fixture
def host(tmp_path):
    h = Host(tmp_path)
    yield h
    h.close()


@pytest.fixture
def start(servers, engine, host):
    return lambda **more: servers(engine, args=host.settings(**more), env={"SSL_CERT_FILE": host.authority})


def policy(*domains, secrets=None):
    return {"type": "allowlist", "allowed_domains": list(domains), **({"domain_secrets": secrets} if secrets else {})}


def auto(*domains, **more):
    return [{"type": "code_interpreter", "container": {"type": "auto", "network_policy": policy(*domains, **more)}}]


def kept(server, secret):
    """The files of the data folder that have it in clear."""
    files = [os.path.join(top, name) for top, _, names in os.walk(server.data) for name in names]
    return [f for f in files if os.path.isfile(f) and secret.encode() in open(f, "rb").read()]


def run(server, engine, code, **more):
    return calls(ask(server, engine, FETCH + code, **more))[0]


def test_reaches_what_is_listed(start, engine, host):
    server = start()
    made = ask(server, engine, FETCH + f"get({host.http + '/a?b'!r}), get({host.https + '/c'!r}), get('http://a.example/')[0], get('http://other.example/')",
               tools=auto("localhost"))
    value = eval(logs(calls(made)[0])[-1])
    assert value[0][0] == value[1][0] == 200 and value[2] == 403
    assert value[3] == (403, "other.example is not among the hosts that this container may reach (network_policy.allowed_domains).\n")
    assert [a[0] for a in host.asked] == ["/a?b", "/c"]
    assert "Of the network programs reach these hosts, by the proxy that their environment names: localhost." in \
        engine.requests[0].body["tools"][0]["function"]["description"]
    assert made["tools"] == auto("localhost")
    shown = server.get("/v1/containers/" + calls(made)[0]["container_id"]).json["network_policy"]
    assert shown == policy("localhost")
    assert "a box was refused a connection" in server.stderr() and "host=other.example" in server.stderr()


def test_no_other_way_out(start, engine, host):
    """The proxy is the only thing that listens; what does not ask it reaches nothing."""
    server = start()
    code = f"""
import socket
def to(a, p):
    try: socket.create_connection((a, p), 2).close(); return 'open'
    except OSError as e: return e.errno
print(to('127.0.0.1', {host.plain.server_port}), to('127.0.0.1', {server.port}), to('1.1.1.1', 443), to('127.0.0.1', 3128), os.path.exists('/run/proxy.sock'))
"""
    assert logs(run(server, engine, code, tools=auto("localhost"))) == ["111 111 101 open False\n"]
    assert logs(run(server, engine, code + "\nprint('HTTP_PROXY' in os.environ)")) == ["111 111 101 111 False\nFalse\n"]


def test_secret(start, engine, host):
    """It is in no place inside, goes to its host alone, and comes back from nowhere."""
    server = start()
    secret = "s3cret-of-the-host"
    tools = auto("localhost", "a.example", secrets=[{"domain": "localhost", "name": "API_KEY", "value": secret}])
    made = ask(server, engine, FETCH + f"""
key = os.environ['API_KEY']
print(get({host.https + '/x'!r}, Authorization='Bearer ' + key, Cookie='no'))
print(get({host.https!r}, X=key)[0], get({(host.https + '/to/' + host.https + '/again')!r}, X=key)[0])
print(get({host.http + '/plain'!r}, X=key))
print(key.startswith('secret-'), any({secret[::-1]!r}[::-1] in v for v in os.environ.values()))
import subprocess; print(subprocess.run('env; cat /proc/*/environ', shell=True, capture_output=True).stdout.count({secret[::-1]!r}[::-1].encode()))
""", tools=tools)
    printed = "".join(logs(calls(made)[0])).split("\n")
    assert [dict(h).get("Authorization", dict(h).get("X")) for _, h in host.asked] == ["Bearer " + secret] + [secret] * 3
    assert "Bearer " + "*" * len(secret) in printed[0] and printed[1] == "200 200"
    assert printed[2].startswith("(403,") and printed[3] == "True False" and printed[4] == "0"
    assert secret not in json.dumps(made) and secret not in json.dumps(server.get("/v1/responses/" + made["id"]).json)
    assert secret not in json.dumps(engine.requests[-1].body) and "stands for a secret" in json.dumps(engine.requests[-1].body)
    assert made["tools"] == auto("localhost", "a.example")
    server.stop()
    assert secret not in server.stderr()
    assert kept(server, secret) == []


def test_secret_in_basic(start, engine, host):
    """curl -u "me:$KEY": the secret is within the encoded credentials, and neither form of it comes back."""
    server, secret = start(), "s3cret-of-the-host"
    sent = base64.b64encode(f"me:{secret}".encode()).decode()
    tools = auto("localhost", "a.example", secrets=[{"domain": "localhost", "name": "API_KEY", "value": secret}])
    made = ask(server, engine, FETCH + f"""
import base64
basic = 'Basic ' + base64.b64encode(('me:' + os.environ['API_KEY']).encode()).decode()
print(get({host.https + '/x'!r}, Authorization=basic))
print(get({host.https + '/y'!r}, Authorization='Basic ' + base64.b64encode(b'me:other').decode()))
""", tools=tools)
    printed = "".join(logs(calls(made)[0])).split("\n")
    assert [dict(h)["Authorization"] for _, h in host.asked] == ["Basic " + sent, "Basic " + base64.b64encode(b"me:other").decode()]
    assert "Basic " + "*" * len(sent) in printed[0] and "Basic bWU6b3RoZXI=" in printed[1]
    assert secret not in json.dumps(made) and sent not in json.dumps(made)


TUNNEL = """
import socket, ssl
def tunnel(port, name, first=b''):
    proxy = os.environ['HTTPS_PROXY'].rsplit('/', 1)[-1].split(':')
    s = socket.create_connection((proxy[0], int(proxy[1])), 20)
    s.sendall(f'CONNECT localhost:{port} HTTP/1.1\\r\\nHost: localhost:{port}\\r\\n\\r\\n'.encode())
    head = b''
    while b'\\r\\n\\r\\n' not in head: head += s.recv(1)
    context = ssl.create_default_context(cafile=os.environ['SSL_CERT_FILE'])
    context.check_hostname = bool(name)
    try: t = context.wrap_socket(s, server_hostname=name)
    except OSError as e: return str(e)
    t.sendall(f'GET /fronted HTTP/1.1\\r\\nHost: localhost:{port}\\r\\nConnection: close\\r\\n\\r\\n'.encode())
    said = b''
    while (piece := t.recv(65536)): said += piece
    return said.decode()
"""


def test_name_within_a_tunnel(start, engine, host):
    """TLS asks for the host of its tunnel, or is told that it has to; with a secret and without."""
    server = start()
    secrets = [{"domain": "localhost", "name": "K", "value": "kept-close"}]
    for tools in (auto("localhost"), auto("localhost", secrets=secrets)):
        host.asked.clear()
        port = host.secure.server_port
        made = ask(server, engine, FETCH + TUNNEL + f"[tunnel({port}, n) for n in ('other.example', None, 'localhost', 'LOCALHOST')]", tools=tools)
        other, none, same, large = eval(logs(calls(made)[0])[-1])
        for refused in (other, none):
            assert refused.startswith("HTTP/1.1 403 Forbidden") and "Antiphon-Refused: NAME" in refused, refused
            assert "The tunnel leads to localhost, and TLS within it has to ask for that name (SNI)." in refused
        assert same.startswith("HTTP/1.1 200") and large.startswith("HTTP/1.1 200")
        assert [path for path, _ in host.asked] == ["/fronted", "/fronted"]
    assert server.stderr().count("refused=NAME") == 4


def test_secret_stays_with_its_host(start, servers, engine, host):
    """A Host within TLS that is another one, and a host whose certificate nobody trusts, get nothing."""
    tools = auto("localhost", secrets=[{"domain": "localhost", "name": "K", "value": "kept-close"}])
    code = f"get({host.https}, X=os.environ['K'], Host='other.example'), get({host.https}, X=os.environ['K'])".replace("https://", "'https://") \
        .replace(", X=", "', X=")
    value = eval(logs(run(start(), engine, code, tools=tools))[-1])
    assert value[0][0] == 400 and value[1][0] == 200 and len(host.asked) == 1
    value = eval(logs(run(servers(engine, args=host.settings()), engine, code, tools=tools))[-1])
    assert "502" in value[1][1] and len(host.asked) == 1


def test_containers(start, engine, host):
    """Of POST /v1/containers: kept over a restart, sealed; a tool that asks for another network gets another container."""
    server = start()
    secrets = [{"domain": "localhost", "name": "API_KEY", "value": "value-of-it"}]
    answer = server.post("/v1/containers", {"name": "n", "network_policy": policy("localhost", secrets=secrets)})
    assert answer.status == 200 and answer.json["network_policy"] == policy("localhost"), answer
    id = answer.json["id"]
    server.stop()
    server.start()
    tools = [{"type": "code_interpreter", "container": id}]
    item = run(server, engine, f"get({host.https + '/k'!r}, X=os.environ['API_KEY'])[0]", tools=tools)
    assert logs(item)[-1] == "200" and host.asked[-1][1]["X"] == "value-of-it"
    first = ask(server, engine, "1", tools=auto("localhost"))
    same = ask(server, engine, "1", tools=auto("localhost"), previous_response_id=first["id"])
    none = ask(server, engine, "1", previous_response_id=first["id"])
    more = ask(server, engine, "1", tools=auto("localhost", secrets=secrets), previous_response_id=first["id"])
    ids = [calls(r)[0]["container_id"] for r in (first, same, none, more)]
    assert ids[0] == ids[1] and len(set(ids)) == 3


def test_background(start, engine, host):
    """A request that waits is sealed where it waits."""
    server = start()
    engine.next(python("1"))
    engine.next(say("Done."))
    made = server.create("go", tools=auto("localhost", secrets=[{"domain": "localhost", "name": "K", "value": "waits-in-secret"}]),
                         background=True)
    assert made["tools"] == auto("localhost")
    assert kept(server, "waits-in-secret") == []


REFUSED = [(["https://localhost"], "allowed_domains[0]", None), (["localhost:80"], "allowed_domains[0]", None), (["127.0.0.1"], "allowed_domains[0]", None),
           (["*"], "allowed_domains[0]", None), (["localhost", "evil.example"], "allowed_domains[1]", None),
           (["localhost"], "domain_secrets[0].domain", {"domain": "a.example", "name": "A", "value": "x"}),
           (["localhost"], "domain_secrets[0].name", {"domain": "localhost", "name": "A=B", "value": "x"}),
           (["localhost"], "domain_secrets[0].value", {"domain": "localhost", "name": "A", "value": "x\r\nHost: evil"}),
           (["localhost"], "domain_secrets[0].value", {"domain": "localhost", "name": "A", "value": "x" * 4097})]


@pytest.mark.parametrize("domains,place,secret", REFUSED, ids=[f"{i}-{r[1]}" for i, r in enumerate(REFUSED)])
def test_refused(start, domains, place, secret):
    server = start()
    asked = policy(*domains, secrets=[secret] if secret else None)
    answer = server.post("/v1/containers", {"name": "n", "network_policy": asked})
    assert answer.status == 400 and answer.error["param"] == "network_policy." + place, answer
    answer = server.post("/v1/responses", {"model": "m", "input": "x", "tools": [{"type": "code_interpreter", "container": {
        "type": "auto", "network_policy": asked}}]})
    assert answer.status == 400 and answer.error["param"] == "tools[0].container.network_policy." + place, answer


def test_off(server):
    answer = server.post("/v1/containers", {"name": "n", "network_policy": policy("a.example")})
    assert answer.status == 400 and "egress.domains" in answer.error["message"]
