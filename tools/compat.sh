#!/bin/sh
# compat.sh - the tests with programs of others that are too big for ./test: fetched once, pinned, kept in a cache folder.
#
#   tools/compat.sh [pytest's arguments]
#
# COMPAT_CACHE: the folder, default ~/.cache/antiphon-compat.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

codex=0.169.0
PATH=$PWD/.venv/bin:$PATH
export PATH COMPAT_CACHE="${COMPAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/antiphon-compat}"
mkdir -p "$COMPAT_CACHE"
if [ "$("$COMPAT_CACHE/node_modules/.bin/codex" --version 2>/dev/null)" != "codex-cli $codex" ]; then
	quietly "fetching Codex $codex" npm --prefix "$COMPAT_CACHE" install --no-audit --no-fund --no-package-lock \
		"@openai/codex@$codex"
fi
export CODEX_BIN="$COMPAT_CACHE/node_modules/.bin/codex"
export ANTIPHON_BIN="${ANTIPHON_BIN:-$PWD/build-asan/antiphon}"
exec .venv/bin/python -m pytest -c tests/pytest.ini --rootdir tests -q -m compat tests/compat "$@"
