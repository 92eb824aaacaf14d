#!/bin/sh
# python-env.sh - the Python environment of this tree, .venv: never the system's own packages.
#
#   tools/python-env.sh sdk     the official openai package, for the example that ./run prints
#   tools/python-env.sh tests   also pytest, Node and npm's openai package, for ./test
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

what=$1
wanted=$(cat "tests/requirements-$what.txt")
venv() { .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }

if ! .venv/bin/python -c '' 2>/dev/null; then
	quietly "making .venv" python3 -m venv --clear .venv
fi
if [ "$(cat ".venv/installed-$what" 2>/dev/null)" != "$wanted" ]; then
	quietly "fetching Python packages for .venv ($what)" venv install -r "tests/requirements-$what.txt"
	printf '%s\n' "$wanted" >".venv/installed-$what"
fi
[ "$what" = tests ] || exit 0
wanted=$(cat tests/sdk_node/package.json)
if [ "$(cat .venv/installed-node 2>/dev/null)" != "$wanted" ]; then
	PATH=$PWD/.venv/bin:$PATH
	export PATH
	quietly "fetching Node packages" npm --prefix tests/sdk_node install --no-audit --no-fund --no-package-lock
	printf '%s\n' "$wanted" >.venv/installed-node
fi
