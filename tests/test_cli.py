"""The command line: help, settings, addresses, keys, ask, check, env."""
import json
import os
import re
import signal
import socket
import stat
import subprocess
import tempfile
import shutil
import pytest
import unittest

from engine_script import ScriptedEngine, call, cut, finish, hang, say, status
from harness import BINARY, BROKEN, PATIENCE, TREE, Server, environment, eventually, make_key, text_of


def antiphon(*args, home, env=None, input="", cwd=None):
    """Runs `antiphon ARGS`; nothing but `input` is on its standard input."""
    done = subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=PATIENCE, cwd=cwd or home,
                          env=environment(home, env), **({"input": input} if input else {"stdin": subprocess.DEVNULL}))
    assert not BROKEN.search(done.stderr), done.stderr
    return done


class Home(unittest.TestCase):
    """A home folder of its own, and servers that are stopped and looked at in the end."""

    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="antiphon-cli-")
        self.addCleanup(shutil.rmtree, self.home, True)

    def run_cli(self, *args, **more):
        return antiphon(*args, home=self.home, **more)

    def engine(self):
        engine = ScriptedEngine()
        self.addCleanup(engine.close)
        return engine

    def server(self, *args, **more):
        server = Server(*args, **more)
        self.addCleanup(server.erase)
        self.addCleanup(server.stop)
        return server

    def refused(self, *args, **more):
        """serve with these arguments ends at once with an error; its text."""
        done = self.run_cli("serve", *args, **more)
        self.assertEqual(done.returncode, 1, done)
        self.assertNotIn("listening", done.stdout)
        self.assertTrue(done.stderr.startswith("antiphon: "), done.stderr)
        return done.stderr


class Help(Home):
    def test_help_fits_a_screen(self):
        for flag in ("--help", "-h", "help"):
            done = self.run_cli(flag)
            lines = done.stdout.splitlines()
            self.assertEqual(done.returncode, 0)
            self.assertLessEqual(len(lines), 24)
            self.assertLessEqual(max(map(len, lines)), 80)
            for name in ("serve", "keys", "ask", "check", "env"):
                self.assertIn("antiphon " + name, done.stdout)

    def test_every_command_has_help(self):
        for name in ("serve", "keys", "ask", "check", "env"):
            one, two = self.run_cli(name, "--help"), self.run_cli("help", name)
            self.assertEqual((one.returncode, two.returncode), (0, 0))
            self.assertEqual(one.stdout, two.stdout)
            self.assertIn("antiphon " + name, one.stdout)

    def test_version(self):
        for flag in ("--version", "version"):
            self.assertRegex(self.run_cli(flag).stdout, r"^antiphon \d+\.\d+\.\d+\n$")

    def test_no_command_and_unknown_ones(self):
        self.assertEqual(self.run_cli().returncode, 2)
        done = self.run_cli("sevre")
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean 'serve'?", done.stderr)

    def test_help_settings_prints_every_row(self):
        text = self.run_cli("help", "settings").stdout
        for name in ("server.listen", "store.dir", "engines[].url", "net.head_bytes", "aliases"):
            self.assertIn(name, text)
        source = os.path.join(TREE, "src")
        sections = {"measure": "metrics", "trace": "otel", "script": "programs", "door": "api", "container": "containers", "s3": "blobs"}  # the settings have the name that users see; all others that of their folder
        for floor in os.listdir(source):
            limits = os.path.join(source, floor, "limits.def")
            if os.path.exists(limits):
                with open(limits) as f:
                    for row in re.findall(r"^LIMIT\((\w+),", f.read(), re.M):
                        self.assertIn(f"{sections.get(floor, floor)}.{row} ", text)


class Settings(Home):
    def test_unknown_settings_name_the_near_one(self):
        engine = ("--engine", "http://127.0.0.1:1")
        self.assertIn("did you mean --listen?", self.refused("--lisen", "x"))
        self.assertIn("'server.listen'", self.refused(*engine, "--set", "server.lisen=x"))
        self.assertIn("ANTIPHON_SERVER_LISTEN", self.refused(*engine, env={"ANTIPHON_SERVER_LISEN": "x"}))
        path = os.path.join(self.home, "a.yaml")
        with open(path, "w") as f:
            f.write("server:\n  listen: 127.0.0.1:0\n  hots: x\n")
        self.assertIn("a.yaml:3: unknown setting 'server.hots'; did you mean 'server.hosts'?",
                      self.refused(*engine, "--config", "a.yaml"))
        self.assertIn("not 'word'", self.refused("word"))

    def test_yaml_environment_and_flags_reach_the_server(self):
        path = os.path.join(self.home, "a.yaml")
        with open(path, "w") as f:
            f.write("net:\n  head_bytes: 2048\n  body_bytes: 5000\nserver:\n  loops: 1\n")
        server = self.server(self.engine(), args=["--config", path, "--set", "net.head_bytes=4096"],
                             env={"ANTIPHON_NET_BODY_BYTES": "6000"})
        self.assertEqual(server.get("/health", headers={"x": "a" * 3000}).status, 200)
        self.assertEqual(server.get("/health", headers={"x": "a" * 5000}).status, 431)
        body = {"model": "scripted", "input": "a" * 5500}
        self.assertEqual(server.post("/v1/responses", body).status, 200)
        self.assertEqual(server.post("/v1/responses", {**body, "input": "a" * 7000}).status, 413)

    def test_engines_and_aliases_from_yaml(self):
        engine = self.engine()
        path = os.path.join(self.home, "a.yaml")
        with open(path, "w") as f:
            f.write(f"engines:\n  - url: {engine.url}\n    models: [scripted]\naliases:\n  my-*: scripted\n"
                    f"  gpt-*: scripted\n")
        server = self.server(args=["--config", path])
        eventually(lambda: "gpt-* names are answered by scripted." in server.stderr())
        for model in ("scripted", "my-thing", "gpt-4o", "o3-mini"):
            answer = server.post("/v1/responses", {"model": model, "input": "hi"})
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.json["model"], "scripted")
        self.assertEqual(server.post("/v1/responses", {"model": "your-thing", "input": "hi"}).status, 400)


class Serve(Home):
    def test_first_line_and_banner(self):
        server = self.server(self.engine())
        self.assertRegex(server.url, r"^http://127\.0\.0\.1:\d+$")
        text = eventually(lambda: "API keys" in server.stderr() and server.stderr())
        self.assertIn(server.url + "/v1", text)
        self.assertIn(server.data, text)
        self.assertEqual(server.get("/health").status, 200)

    def test_default_addresses(self):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", 8080)) == 0:
                self.skipTest("port 8080 is taken on this machine")
        server = self.server(self.engine(), args=["--set", "server.listen=127.0.0.1:8080,[::1]:8080"])
        self.assertEqual(server.port, 8080)
        try:
            with open("/proc/net/if_inet6") as f:
                has_ipv6 = bool(f.read())
        except OSError:
            has_ipv6 = False
        if has_ipv6:
            socket.create_connection(("::1", 8080), 5).close()

    def test_beyond_this_machine_needs_a_key(self):
        data = os.path.join(self.home, "data")
        args = ("--data", data, "--engine", "http://127.0.0.1:1", "--listen", "0.0.0.0:0")
        text = self.refused(*args)
        self.assertIn("keys create", text)
        self.assertIn("--allow-anonymous", text)
        self.server(self.engine(), listen="0.0.0.0:0", args=["--allow-anonymous"])
        self.assertEqual(self.run_cli("keys", "create", "a", "--data", data).returncode, 0)
        self.server(self.engine(), listen="0.0.0.0:0", data=data)

    def test_a_key_in_the_environment(self):
        server = self.server(self.engine(), listen="0.0.0.0:0", env={"ANTIPHON_API_KEY": "sk-from-env"})
        self.assertEqual(server.get("/v1/models").status, 401)
        self.assertEqual(server.get("/v1/models", key="sk-from-env").status, 200)

    def test_a_taken_port_names_its_owner(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            text = self.refused("--engine", "http://127.0.0.1:1", "--listen", f"127.0.0.1:{s.getsockname()[1]}")
        self.assertIn(f"{os.getpid()}", text)

    def test_one_process_owns_the_data_folder(self):
        server = self.server(self.engine())
        text = self.refused("--engine", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--data", server.data)
        self.assertIn(str(server.process.pid), text)
        self.assertEqual(server.get("/health").status, 200)

    def test_no_engine_says_what_to_do(self):
        text = self.refused("--listen", "127.0.0.1:0")
        self.assertIn("./run", text)
        self.assertIn("--engine URL", text)

    def test_a_model_that_is_none(self):
        """Said at once, and as what it is: not as a missing engine, nor by an engine that fails again and again."""
        path = os.path.join(self.home, "m.gguf")
        self.assertIn(f"{path} cannot be read", self.refused("--listen", "127.0.0.1:0", "--model", path))
        with open(path, "w") as f:
            f.write("hello")
        text = self.refused("--listen", "127.0.0.1:0", "--model", path)
        self.assertIn(f"{path} is not a GGUF file", text)
        self.assertNotIn("no engine is installed", text)

    def test_wrong_addresses_and_certificates(self):
        engine = ("--engine", "http://127.0.0.1:1")
        self.assertIn("HOST:PORT", self.refused(*engine, "--listen", "127.0.0.1:x"))
        self.assertIn("[::1]:8080", self.refused(*engine, "--listen", "::1:80"))
        self.assertIn("go together", self.refused(*engine, "--tls-cert", "x"))
        self.assertIn("/no/such.pem", self.refused(*engine, "--tls-cert", "/no/such.pem", "--tls-key", "/no/key.pem"))

    def test_tls(self):
        done = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "c.pem",
                               "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                              cwd=self.home, capture_output=True)
        self.assertEqual(done.returncode, 0, done)
        import ssl
        import urllib.request
        cert = os.path.join(self.home, "c.pem")
        server = self.server(self.engine(), ready=False,
                             args=["--tls-cert", cert, "--tls-key", os.path.join(self.home, "k.pem")])
        self.assertTrue(server.url.startswith("https://"), server.url)
        with urllib.request.urlopen(server.url + "/health", context=ssl.create_default_context(cafile=cert)) as answer:
            self.assertEqual(answer.status, 200)

    def test_signals_end_it(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            server = self.server(self.engine())
            server.process.send_signal(number)
            self.assertEqual(server.process.wait(PATIENCE), 0)
            self.assertFalse(os.path.exists(os.path.join(server.data, "antiphon.sock")))

    def test_a_second_signal_ends_the_patience(self):
        engine = self.engine()
        engine.next(say("a"), hang())
        server = self.server(engine, args=["--set", "api.drain_seconds=3600"])
        stream = server.stream("hi")
        stream.until("response.output_text.delta")
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: "draining" in server.stderr())
        self.assertIsNone(server.process.poll())
        self.assertEqual(server.get("/health").status, 200)  # still listening while a turn runs
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(PATIENCE), 0)
        stream.leave()

    def test_json_log(self):
        server = self.server(self.engine(), args=["--log-format", "json"])
        server.stop()
        lines = server.stderr().splitlines()
        self.assertTrue(lines)
        for line in lines:
            json.loads(line)


class Keys(Home):
    def key_life(self, data):
        """create, list, revoke; the same with and without a server."""
        done = self.run_cli("keys", "create", "alice", "--project", "red", "--data", data)
        self.assertEqual(done.returncode, 0, done)
        self.assertRegex(done.stdout, r"^sk-[A-Za-z0-9]{20,}\n$")  # alone on stdout: KEY=$(antiphon keys create ...)
        secret = done.stdout.strip()
        listed = self.run_cli("keys", "list", "--data", data).stdout
        row = next(line for line in listed.splitlines() if "alice" in line)
        self.assertIn("red", row)
        self.assertIn("valid", row)
        self.assertNotIn(secret, listed)
        id = re.search(r"\bkey_\w+", row)[0]
        self.assertEqual(self.run_cli("keys", "revoke", id, "--data", data).returncode, 0)
        listed = self.run_cli("keys", "list", "--data", data).stdout
        self.assertIn("revoked", next(line for line in listed.splitlines() if id in line))
        for wrong in ("key_nonsense", "a/b", "x?y"):
            done = self.run_cli("keys", "revoke", wrong, "--data", data)
            self.assertEqual(done.returncode, 1, done)
            self.assertTrue(done.stderr.startswith("antiphon: "), done)

    def test_without_a_server(self):
        self.key_life(os.path.join(self.home, "data"))

    def test_through_the_running_server(self):
        server = self.server(self.engine())
        self.key_life(server.data)
        mode = os.stat(os.path.join(server.data, "antiphon.sock")).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_a_data_folder_with_a_long_name(self):
        server = self.server(self.engine(), data=os.path.join(self.home, "a" * 90, "b" * 90))
        self.key_life(server.data)

    def test_a_dead_servers_socket_is_no_obstacle(self):
        server = self.server(self.engine())
        server.kill()
        self.assertTrue(os.path.exists(os.path.join(server.data, "antiphon.sock")))
        self.key_life(server.data)
        server.start()
        self.key_life(server.data)

    def test_admin_is_not_on_the_network(self):
        server = self.server(self.engine())
        for path in ("/admin/info", "/admin/keys", "/admin"):
            self.assertEqual(server.get(path).status, 404)

    def test_usage(self):
        for words in ((), ("create",), ("list", "x"), ("make", "x"), ("create", "a", "b")):
            done = self.run_cli("keys", *words)
            self.assertEqual(done.returncode, 1)
            self.assertIn("create NAME", done.stderr)


class Ask(Home):
    def setUp(self):
        super().setUp()
        self.scripted = self.engine()
        self.running = self.server(self.scripted)

    def ask(self, *args, **more):
        return self.run_cli("ask", "--data", self.running.data, *args, **more)

    def last_id(self, done):
        return re.search(r"resp_\w+", done.stderr)[0]

    def test_a_question(self):
        done = self.ask("what", "is this?")
        self.assertEqual((done.returncode, done.stdout), (0, "You said: what is this?.\n"), done)
        self.assertRegex(done.stderr, r"^\[scripted, \d+ tokens, \d+\.\d s, resp_\w+\]\n$")

    def test_json(self):
        done = self.ask("hi", "--json")
        response = json.loads(done.stdout)
        self.assertEqual(text_of(response), "You said: hi.")
        self.assertEqual(response["id"], self.last_id(done))

    def test_previous_and_continue(self):
        first = self.ask("one")
        for flags in (("--previous", self.last_id(first)), ("-c",)):
            done = self.ask("two", *flags)
            self.assertEqual(done.returncode, 0, done)
            said = [m["content"] for m in self.scripted.requests[-1].body["messages"] if m["role"] == "user"]
            self.assertIn("one", json.dumps(said))
        self.assertEqual(self.ask("x", "--previous", "resp_nonsense").returncode, 1)

    def test_standard_input_is_appended(self):
        done = self.ask("sum up:", input="line one\nline two\n")
        self.assertIn("sum up:\n\nline one\nline two", done.stdout)
        self.assertEqual(self.ask(input="only this").stdout, "You said: only this.\n")

    def test_files(self):
        path = os.path.join(self.home, "notes.txt")
        with open(path, "w") as f:
            f.write("forty-two")
        self.assertEqual(self.ask("what?", "-f", path).returncode, 0)
        self.assertIn("forty-two", json.dumps(self.scripted.requests[-1].body))
        self.assertIn("notes.txt", json.dumps(self.scripted.requests[-1].body))
        done = self.ask("what?", "-f", path + ".missing")
        self.assertEqual(done.returncode, 2)
        self.assertIn("No such file", done.stderr)

    def test_exit_status_follows(self):
        self.scripted.next(say("a", "b"), finish("length"))
        self.assertEqual(self.ask("x").returncode, 3)
        self.scripted.next(say("a"), cut())
        done = self.ask("x")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("failed", done.stderr)
        self.assertEqual(self.ask("x", "--model", "no-such-model").returncode, 1)
        self.assertEqual(self.ask().returncode, 2)

    def test_no_server(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))  # bound, not listening: nobody answers
            base = f"http://127.0.0.1:{s.getsockname()[1]}/v1"
            done = self.run_cli("ask", "hi", env={"OPENAI_BASE_URL": base})
        self.assertEqual(done.returncode, 5, done)
        self.assertIn("make run", done.stderr)

    def test_by_url_and_with_keys(self):
        secret, _ = make_key(self.running, "a")
        env = {"OPENAI_BASE_URL": self.running.base_url}
        done = self.run_cli("ask", "hi", env=env)
        self.assertEqual(done.returncode, 1)
        self.assertIn("keys create", done.stderr)
        self.assertEqual(self.run_cli("ask", "hi", env={**env, "OPENAI_API_KEY": secret}).stdout, "You said: hi.\n")
        self.assertEqual(self.ask("hi").stdout, "You said: hi.\n")  # the socket is its owner's

    def test_a_conversation_on_a_terminal(self):
        import pty
        import threading
        master, slave = pty.openpty()
        process = subprocess.Popen([BINARY, "ask", "--data", self.running.data], stdin=slave, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=environment(self.home))
        os.close(slave)
        os.write(master, b"one\ntwo\n\x04")
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        out, err = process.communicate()
        watchdog.cancel()
        os.close(master)
        self.assertEqual(out, "You said: one.\nYou said: two.\n", err)
        self.assertIn("one", json.dumps(self.scripted.requests[-1].body["messages"]))

    def test_env(self):
        done = self.run_cli("env", "--data", self.running.data)
        self.assertEqual(done.stdout.splitlines(), [f"export OPENAI_BASE_URL={self.running.base_url}",
                                                    "export OPENAI_API_KEY=any"])
        make_key(self.running, "a")
        done = self.run_cli("env", "--data", self.running.data)
        shell = subprocess.run(["sh", "-c", done.stdout + 'echo "$OPENAI_API_KEY"'], capture_output=True, text=True,
                               env={"OPENAI_API_KEY": "sk-mine"})
        self.assertEqual(shell.stdout, "sk-mine\n", shell)
        shell = subprocess.run(["sh", "-c", done.stdout], capture_output=True, text=True, env={})
        self.assertIn("keys create", shell.stderr)


class Check(Home):
    def test_a_running_server(self):
        server = self.server(self.engine())
        done = self.run_cli("check", "--data", server.data)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(server.url, done.stdout)
        self.assertIn("nothing to mend", done.stdout)

    def test_a_machine_with_nothing(self):
        done = self.run_cli("check")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("./run", done.stdout)

    @pytest.mark.sqlite
    def test_a_broken_database(self):
        server = self.server(self.engine())
        for i in range(20):
            server.create("x" * 2000)
        server.stop()
        path = os.path.join(server.data, "antiphon.db")
        with open(path, "r+b") as f:
            size = os.path.getsize(path)
            f.seek(size // 2)
            f.write(os.urandom(min(20000, size // 2)))
        done = self.run_cli("check", "--data", server.data)
        self.assertRegex(done.stdout, r"BAD\s+database")
        self.assertIn(".recover", done.stdout)

    def test_an_engine_that_is_gone(self):
        done = self.run_cli("check", "--engine", "http://127.0.0.1:1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("BAD   models", done.stdout)

    def trial(self, engine, *flags, **answers):
        """check --engine against an engine that answers so; what is not named says a few words."""
        def script(request):
            body = json.dumps(request.body)
            kind = ("tools" if "tools" in request.body else "schema" if "response_format" in request.body else
                    "vision" if "image_url" in body else "chat")
            return answers.get(kind, [say("words", " and", " more")])
        engine.always(script)
        return self.run_cli("check", "--engine", engine.url, *flags)

    def test_an_engine_that_can_everything(self):
        city = [call("get_weather", '{"city":', '"Paris"}'), call("get_weather", '{"city":"Rome"}', index=1)]
        done = self.trial(self.engine(), tools=city, schema=[say('{"legs":8}')], vision=[say("Red.")])
        self.assertEqual(done.returncode, 0, done)
        for what in ("models", "chat", "tools", "parallel calls", "JSON schema", "vision"):
            self.assertRegex(done.stdout, rf"(?m)^ok +{what} ")
        self.assertIn("Verdict: usable", done.stdout)

    def test_an_engine_that_can_only_chat(self):
        refusal = [status(400, {"code": 400, "message": "no such thing here", "type": "invalid_request_error"})]
        done = self.trial(self.engine(), "--for", "codex", tools=[say("Sunny.")], schema=[say("eight")], vision=refusal)
        self.assertEqual(done.returncode, 1, done)
        for what in ("tools", "JSON schema", "vision"):
            self.assertRegex(done.stdout, rf"(?m)^note +{what} ")
        self.assertRegex(done.stdout, r"(?m)^BAD +for Codex")
        self.assertIn("not enough for Codex", done.stdout)

    def test_flags(self):
        self.assertEqual(self.run_cli("check", "--for", "codex").returncode, 2)
        self.assertEqual(self.run_cli("check", "--for", "x", "--engine", "http://127.0.0.1:1").returncode, 2)


class Packages(Home):
    """`antiphon sandbox`: what Python in boxes has. An installation itself needs a package index."""

    def test_list_names_python_and_the_packages_of_the_folder(self):
        folder = os.path.join(self.home, "env")
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", folder], check=True)
        site = next(os.path.join(top, "site-packages") for top, names, _ in os.walk(folder) if "site-packages" in names)
        for name in ("tabulate-0.9.0.dist-info", "numpy-2.1.0.dist-info", "numpy"):
            os.mkdir(os.path.join(site, name))
        done = self.run_cli("sandbox", "list", "--set", f"session.packages={folder}")
        assert re.fullmatch(r"Python 3\.\d+: numpy 2\.1\.0, tabulate 0\.9\.0\n", done.stdout), done
        done = self.run_cli("check", "--set", f"session.packages={folder}")
        assert "numpy 2.1.0" in done.stdout or "sandbox" in done.stdout, done
        line = next(line for line in done.stdout.split("\n") if "code, shell" in line)
        assert "no network (egress.domains)" in line or "are refused (400)" in line, line
        done = self.run_cli("check", "--set", f"session.packages={folder}", "--set", "egress.domains=a.example,*.b.example")
        assert "; network: a.example, *.b.example" in done.stdout or "are refused (400)" in done.stdout, done

    def test_without_packages_the_way_to_them_is_said(self):
        done = self.run_cli("sandbox", "list", "--set", f"session.packages={self.home}/none")
        assert done.returncode == 0 and "antiphon sandbox install" in done.stderr, done

    def test_what_it_does_not_know(self):
        for args in (["install", "everything"], ["remove"], []):
            done = self.run_cli("sandbox", *args, "--set", f"session.packages={self.home}/none")
            assert done.returncode == 1 and "standard" in done.stderr, done
        assert not os.path.exists(f"{self.home}/none")


if __name__ == "__main__":
    unittest.main()
