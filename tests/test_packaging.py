"""What the packages are made of says what the program has: settings, metrics, commands. The package itself: tools/package-check."""
import glob
import json
import os
import re
import subprocess

import pytest
import yaml

from harness import BINARY

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def text(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as file:
        return file.read()


def said(*words):
    return subprocess.run([BINARY, "help", *words], check=True, capture_output=True, text=True).stdout


def settings():
    return set(re.findall(r"^  ([a-z_]+\.[a-z_0-9]+) ", said("settings"), re.M))


def test_settings_of_the_service_are_settings():
    for section, members in yaml.safe_load(text("packaging/antiphon.yaml")).items():
        assert {f"{section}.{name}" for name in members} <= settings()


def test_the_composition_names_settings():
    names = {"ANTIPHON_" + name.replace(".", "_").upper() for name in settings()} | {"ANTIPHON_API_KEY"}
    environment = yaml.safe_load(text("compose.yaml"))["services"]["antiphon"]["environment"]
    assert set(environment) <= names


def test_dashboards_ask_for_metrics_that_there_are():
    there = set(re.findall(r'METRIC\(\w+, "(\w+)"', text("src/measure/metrics.def")))
    dashboard = json.loads(text("packaging/grafana/dashboards/antiphon.json"))
    asked = {name for panel in dashboard["panels"] for target in panel["targets"]
             for name in re.findall(r"antiphon_\w+", target["expr"])}
    assert len(asked) > 10 and {re.sub(r"_bucket$", "", name) for name in asked} <= there


@pytest.mark.parametrize("written, named", [
    ("engines:\n  - name: a\n    url: http://x\n", True), ("engine:\n  url: [http://x]\n", True),
    ("store:\n  dir: /x\nweb_search:\n  url: http://x\n", False), ("engine:\n  context: 9\nstore:\n  url: x\n", False),
    ("# engines:\n#   - name: a\nengine:\n  # url: x\n  url: # none\n", False)])
def test_an_engine_of_the_settings_is_seen(tmp_path, written, named):
    for name in ("prepare", "tools/engine-install.sh"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text("packaging/prepare") if name == "prepare" else "#!/bin/sh\necho fetched\n")
        path.chmod(0o755)
    (tmp_path / "a.yaml").write_text(written)
    done = subprocess.run([tmp_path / "prepare", tmp_path / "a.yaml"], check=True, capture_output=True, text=True)
    assert done.stdout == ("" if named else "fetched\n")


def test_the_manual_page_has_every_command_and_setting():
    page = subprocess.run([os.path.join(TREE, "tools/man-page"), BINARY], check=True, capture_output=True, text=True).stdout
    plain = page.replace("\\-", "-")
    assert all(name in plain for name in settings())
    assert all(f".SS antiphon {name}" in plain for name in re.findall(r"^  antiphon (\w+) ", said(), re.M))
    assert not re.search(r"^\.(?!TH|SH|SS|nf|fi|B|TP|I)", page, re.M)


def test_bash_completes_commands_flags_and_settings():
    script = f". {TREE}/packaging/antiphon.bash; antiphon() {{ {BINARY} \"$@\"; }}; compopt() {{ :; }}; "
    for words, wanted in ((["ke"], "keys"), (["serve", "--engi"], "--engine"), (["serve", "--set", "store.di"], "store.dir=")):
        ask = f"COMP_WORDS=(antiphon {' '.join(words)}); COMP_CWORD={len(words)}; _antiphon; printf '%s ' \"${{COMPREPLY[@]}}\""
        done = subprocess.run(["bash", "-c", script + ask], check=True, capture_output=True, text=True)
        assert wanted in done.stdout.split()


def test_every_file_of_the_folder_is_used():
    users = "".join(text(path) for path in ("tools/package", "compose.yaml", "Dockerfile", "packaging/start"))
    for path in glob.glob(os.path.join(TREE, "packaging/*")):
        name = os.path.basename(path)
        assert f"packaging/{name}" in users or name in ("postinst", "prerm", "postrm")
