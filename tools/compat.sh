#!/bin/sh
# compat.sh - the tests with programs of others that are too big for ./test: fetched once, pinned, kept in a cache folder.
#
#   tools/compat.sh [pytest's arguments]
#
# COMPAT_CACHE: the folder, default ~/.cache/antiphon-compat.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

tools/python-env.sh compat
codex=0.169.0
prism=5.16.0
axe=4.14.1
PATH=$PWD/.venv/bin:$PATH
export PATH COMPAT_CACHE="${COMPAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/antiphon-compat}"
mkdir -p "$COMPAT_CACHE"
if [ "$("$COMPAT_CACHE/node_modules/.bin/codex" --version 2>/dev/null)" != "codex-cli $codex" ]; then
	quietly "fetching Codex $codex" npm --prefix "$COMPAT_CACHE" install --no-audit --no-fund --no-package-lock \
		"@openai/codex@$codex"
fi
# Apart from Codex: npm removes what it did not write down. No install scripts: one of Prism's parts reports to its maker.
if [ "$("$COMPAT_CACHE/prism/node_modules/.bin/prism" --version 2>/dev/null)" != "$prism" ]; then
	quietly "fetching Prism $prism" npm --prefix "$COMPAT_CACHE/prism" install --no-audit --no-fund --no-package-lock \
		--ignore-scripts "@stoplight/prism-cli@$prism"
fi
if [ ! -e "$COMPAT_CACHE/axe/node_modules/axe-core/$axe" ]; then
	quietly "fetching axe-core $axe" npm --prefix "$COMPAT_CACHE/axe" install --no-audit --no-fund --no-package-lock \
		--ignore-scripts "axe-core@$axe"
	touch "$COMPAT_CACHE/axe/node_modules/axe-core/$axe"
fi
# Servers of MCP: three environments, since each has its own idea of the same package.
for peer in mcp-2=mcp==2.3.0 mcp-1=mcp==1.30.0 fastmcp=fastmcp==4.2.3; do
	folder=$COMPAT_CACHE/${peer%%=*}
	[ "$(cat "$folder/installed" 2>/dev/null)" = "$peer" ] && continue
	quietly "making an environment for ${peer#*=}" python3 -m venv --clear "$folder"
	quietly "fetching ${peer#*=}" "$folder/bin/python" -m pip --disable-pip-version-check --no-input install "${peer#*=}"
	echo "$peer" >"$folder/installed"
done
# ... and those of npm: one with everything, the TypeScript SDK's own, and one for stdio behind a bridge.
servers="@modelcontextprotocol/server-everything@2026.8.31 @modelcontextprotocol/server@2.4.0 @modelcontextprotocol/node@2.1.2
zod@4.6.7 @modelcontextprotocol/server-filesystem@2026.8.31 supergateway@4.0.0"
if [ "$(cat "$COMPAT_CACHE/mcp-node/fetched" 2>/dev/null)" != "$servers" ]; then
	# shellcheck disable=SC2086 # a list
	quietly "fetching MCP servers of npm" npm --prefix "$COMPAT_CACHE/mcp-node" install --no-audit --no-fund --no-package-lock \
		--ignore-scripts $servers
	echo "$servers" >"$COMPAT_CACHE/mcp-node/fetched"
fi
export CODEX_BIN="$COMPAT_CACHE/node_modules/.bin/codex"
export ANTIPHON_BIN="${ANTIPHON_BIN:-$PWD/build-asan/antiphon}"
status=0
.venv/bin/python -m pytest -c tests/pytest.ini --rootdir tests -q -m compat tests/compat "$@" || status=$?
# The SDKs' tests once more, through Prism with OpenAI's OpenAPI file (tests/crossing.py).
[ $# -gt 0 ] || ANTIPHON_PRISM="$COMPAT_CACHE/prism/node_modules/.bin/prism" .venv/bin/python -m pytest -c tests/pytest.ini \
	--rootdir tests -q tests/compat/test_prism.py tests/test_sdk_*.py || status=$?
exit $status
