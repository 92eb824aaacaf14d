"""packages.py FOLDER NAME: makes FOLDER a virtual environment with the packages that are listed on standard input.

Each package is one version, each file is compared with its checksum, and nothing of theirs is run on the way (wheels alone).
Where packages come from is pip's own configuration. FOLDER is whole or not there: what was there before stays until then."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

OLDEST = (3, 11)


def say(text):
    print(f"antiphon: {text}", flush=True)


def run(what, *argv, **more):
    done = subprocess.run(argv, **more)
    if done.returncode:
        sys.exit(f"antiphon: {what} failed")


def builder(folder):
    """An environment that has pip, to fill the other with; none of it stays."""
    made = subprocess.run([sys.executable, "-I", "-m", "venv", folder], capture_output=True, text=True)
    if made.returncode:
        sys.exit("antiphon: Python makes no environment here: apt install python3-venv\n" + (made.stderr or made.stdout).strip())
    return os.path.join(folder, "bin", "python")


def fill(folder, listed):
    with tempfile.TemporaryDirectory(prefix="antiphon-packages-") as temporary:
        say("making an environment")
        pip = builder(os.path.join(temporary, "builder"))
        wanted = os.path.join(temporary, "packages.txt")
        with open(wanted, "w") as out:
            out.write(listed)
        run("an environment without pip", sys.executable, "-I", "-m", "venv", "--without-pip", folder)
        run("fetching packages", pip, "-m", "pip", "--python", os.path.join(folder, "bin", "python"), "install", "--require-hashes",
            "--only-binary=:all:", "--no-deps", "--no-compile", "--disable-pip-version-check", "--no-warn-script-location", "-r", wanted)
    python = os.path.join(folder, "bin", "python3")
    say("compiling")
    run("compiling", python, "-I", "-m", "compileall", "-q", "-j", "0", os.path.join(folder, "lib"), stdout=subprocess.DEVNULL)
    say("looking for fonts")
    fonts = os.path.join(folder, "share", "matplotlib")
    os.makedirs(fonts, exist_ok=True)
    run("looking for fonts", python, "-I", "-c", "import matplotlib.font_manager", env={**os.environ, "MPLCONFIGDIR": fonts})


def packages(folder):
    return sum(name.endswith(".dist-info") for _, folders, _ in os.walk(os.path.join(folder, "lib")) for name in folders)


def main():
    folder, name = sys.argv[1:]
    start = time.monotonic()
    if sys.version_info < OLDEST:
        sys.exit(f"antiphon: Python {OLDEST[0]}.{OLDEST[1]} or later is needed; this is {sys.version.split()[0]}")
    listed = sys.stdin.read()
    before = f"{folder}.before"
    os.makedirs(os.path.dirname(folder), mode=0o755, exist_ok=True)
    shutil.rmtree(before, ignore_errors=True)
    if os.path.exists(folder):
        os.rename(folder, before)
    try:
        os.umask(0o022)  # who runs in a box may be another user
        fill(folder, listed)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if os.path.exists(before):
            os.rename(before, folder)
        raise
    shutil.rmtree(before, ignore_errors=True)
    say(f"{name}: {packages(folder)} packages in {folder}, {time.monotonic() - start:.0f} s. A running server has them after its next start.")


main()
