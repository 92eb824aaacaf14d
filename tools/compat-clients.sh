#!/bin/sh
# compat-clients.sh - the agent SDKs of others, unmodified, against the server with a scripted engine (tests/compat/clients).
#
#   tools/compat-clients.sh [agents] [langchain] [pydantic-ai] [node] [llmprobe] [-- pytest's arguments]
#
# Each has its own pinned environment below COMPAT_CACHE (default ~/.cache/antiphon-compat), fetched once: so their pins do
# not fight. What they are and what is tried: docs/clients.md. Without names: all.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

PATH=$PWD/.venv/bin:$PATH
export PATH COMPAT_CACHE="${COMPAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/antiphon-compat}"
export ANTIPHON_BIN="${ANTIPHON_BIN:-$PWD/build-asan/antiphon}"
tests=tests/compat/clients
names=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	names="$names $1"
	shift
done
[ $# = 0 ] || shift

# A folder is complete when it says for which pins.
fetched() { [ "$(cat "$1/installed" 2>/dev/null)" = "$(cat "$2")" ]; }

python_env() # $1: name
{
	folder=$COMPAT_CACHE/$1
	pins=$tests/requirements-$1.txt
	fetched "$folder" "$pins" && return
	quietly "making an environment for $1" python3 -m venv --clear "$folder"
	quietly "fetching $1 and what it needs" "$folder/bin/python" -m pip --disable-pip-version-check --no-input install -r "$pins"
	cp "$pins" "$folder/installed"
}

node_env() # $1: name
{
	folder=$COMPAT_CACHE/$1
	pins=$tests/$1/package.json
	mkdir -p "$folder"
	fetched "$folder" "$pins" && return
	cp "$pins" "$folder/package.json"
	quietly "fetching the packages of $1" npm --prefix "$folder" install --no-audit --no-fund --no-package-lock --ignore-scripts
	cp "$pins" "$folder/installed"
}

suite() # $1: name; $2: python; rest: pytest's arguments
{
	say "--- $1"
	python=$2
	file=$tests/$3
	shift 3
	# The conftests above need what is not in these environments.
	"$python" -m pytest -c tests/pytest.ini --rootdir tests --confcutdir "$tests" -q "$file" "$@"
}

status=0
for name in ${names:-agents langchain pydantic-ai node llmprobe}; do
	case $name in
	agents | pydantic-ai)
		python_env "$name"
		suite "$name" "$COMPAT_CACHE/$name/bin/python" "$(echo "$name" | tr - _)_suite.py" "$@" || status=1
		;;
	langchain)
		python_env langchain
		suite langchain "$COMPAT_CACHE/langchain/bin/python" langchain_suite.py -o asyncio_mode=auto \
			-o asyncio_default_test_loop_scope=module -W ignore "$@" || status=1
		;;
	node)
		node_env node
		suite node .venv/bin/python node_suite.py "$@" || status=1
		;;
	llmprobe)
		node_env llmprobe
		suite llmprobe .venv/bin/python llmprobe_suite.py "$@" || status=1
		;;
	*) die "unknown '$name'; there are: agents langchain pydantic-ai node llmprobe" ;;
	esac
done
exit $status
