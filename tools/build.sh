#!/bin/sh
# build.sh - builds a target in a build folder, set up on first use.
#
#   tools/build.sh FOLDER release|asan|fuzz [TARGET...]
#
# asan: AddressSanitizer and UndefinedBehaviorSanitizer. fuzz: the same under clang, the fuzz targets alone (clang warns
# of other things than gcc, so its warnings are no errors here).
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

folder=$1
kind=$2
shift 2
case $kind in
release) options='--buildtype=release' ;;
asan) options='--buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false' ;;
fuzz) options='--buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false -Dfuzz=true -Dwerror=false' ;;
*) die "build.sh: unknown kind '$kind'" ;;
esac
if [ ! -f "$folder/build.ninja" ]; then
	rm -rf "$folder"
	# shellcheck disable=SC2086
	[ "$kind" = fuzz ] && export CC=clang
	quietly "setting up $folder" meson setup "$folder" $options
fi
if [ "$kind" = fuzz ] && [ $# = 0 ]; then
	# shellcheck disable=SC2046
	set -- $(ninja -C "$folder" -t targets all | sed -n 's/^\([^:]*_fuzz\): .*/\1/p')
fi
# Nothing to do is found out without a word.
[ "$(ninja -C "$folder" -n "$@" 2>/dev/null | tail -n 1)" != 'ninja: no work to do.' ] || exit 0
quietly "building in $folder" ninja -C "$folder" "$@"
