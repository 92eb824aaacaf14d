# say.sh - what the set-up scripts say, and how they show that a long step goes on. Sourced by them.

say() { printf '%s\n' "antiphon: $*" >&2; }
die()
{
	say "$*"
	exit 1
}

# Runs a command with its output in a log: one line at its start, the seconds while it runs (on a terminal), and
# the end of the log if it fails. The command stays in the foreground, so that Ctrl-C reaches it.
quietly() # $1: what it does; rest: the command
{
	step_what=$1
	shift
	step_log=$(mktemp)
	step_began=$(date +%s)
	step_ticker=
	if [ -t 2 ]; then
		(
			trap 'exit 0' TERM
			while :; do
				printf '\rantiphon: %s ... %s s ' "$step_what" $(($(date +%s) - step_began)) >&2
				sleep 1
			done
		) &
		step_ticker=$!
	else
		say "$step_what ..."
	fi
	step_status=0
	"$@" >"$step_log" 2>&1 </dev/null || step_status=$?
	if [ -n "$step_ticker" ]; then
		kill "$step_ticker" 2>/dev/null || :
		wait "$step_ticker" 2>/dev/null || :
		printf '\r\033[K' >&2
	fi
	if [ "$step_status" != 0 ]; then
		say "$step_what: failed (exit $step_status); the end of its output:"
		tail -n 40 "$step_log" | sed 's/^/    /' >&2
		rm -f "$step_log"
		exit 1
	fi
	rm -f "$step_log"
	say "$step_what: done, $(($(date +%s) - step_began)) s"
}
