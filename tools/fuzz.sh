#!/bin/sh
# fuzz.sh - runs each fuzz target of a build for some seconds: tools/fuzz.sh FOLDER SECONDS
# A target `x_fuzz` starts from tests/corpus/x, which only grows by hand; new inputs go to FOLDER/corpus/x.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

folder=$1
seconds=$2
status=0
ran=0
for target in $(find "$folder" -type f -name '*_fuzz' -perm -u+x | sort); do
	name=$(basename "$target" _fuzz)
	mkdir -p "$folder/corpus/$name" "$folder/found"
	seeds=
	[ ! -d "tests/corpus/$name" ] || seeds=tests/corpus/$name
	say "$name: $seconds s"
	# shellcheck disable=SC2086
	if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$folder/found/$name-" "$folder/corpus/$name" $seeds >"$folder/found/$name.log" 2>&1; then
		say "$name: clean, $(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/found/$name.log") inputs"
	else
		tail -n 30 "$folder/found/$name.log" >&2
		status=1
	fi
	ran=$((ran + 1))
done
[ "$ran" -gt 0 ] || die "no fuzz target in $folder"
exit $status
