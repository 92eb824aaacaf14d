#!/bin/sh
# first-words.sh - passes the server's output on, and says what to try as soon as the server can answer.
# Reads the server's standard output; its first line is `listening on http://HOST:PORT`. Ends with the server.
cd "$(dirname "$0")/.."
read -r line || exit 0
printf '%s\n' "$line"
base=${line#listening on }
case $base in
http://* | https://*)
	# The engine loads its model for a moment; the text is printed anyway after a minute, with a warning.
	tries=0
	until curl -sfk -o /dev/null "$base/ready" || [ "$tries" -ge 300 ]; do
		sleep 0.2
		tries=$((tries + 1))
	done
	[ "$tries" -lt 300 ] || echo "the engine is not ready yet; $base/ready says why"
	key_text='anything, until you make one with: build/antiphon keys create NAME'
	key=', api_key="any"'
	key_header=
	if [ "$(curl -sk -o /dev/null -w '%{http_code}' "$base/v1/models")" = 401 ]; then
		key_text="needed; export OPENAI_API_KEY=... with one from: build/antiphon keys create NAME"
		key= # OpenAI() takes it from the environment
		key_header=' -H "Authorization: Bearer $OPENAI_API_KEY"'
	fi
	cat <<END

  Base URL   $base/v1      API key: $key_text

  curl -s $base/v1/responses$key_header -H 'Content-Type: application/json' -d '{"model": "gpt-4o-mini", "input": "What is the capital of France?"}'

  $PWD/.venv/bin/python - <<'PY'
from openai import OpenAI
client = OpenAI(base_url="$base/v1"$key)
print(client.responses.create(model="gpt-4o-mini", input="What is the capital of France?").output_text)
PY

END
	;;
esac
exec cat
