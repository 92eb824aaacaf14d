#!/bin/sh
# cpu-check.sh - can the prebuilt default engine run on this machine? Asked before anything is downloaded.
. "$(dirname "$0")/say.sh"

ways='Antiphon itself runs here. Give it an engine:
    ./run --engine http://127.0.0.1:11434     Ollama; or llama-server, vLLM, SGLang, LM Studio ... at their address
    ./run --engine https://HOST/v1            any server that speaks Chat Completions'

system=$(uname -s)-$(uname -m)
case $system in
Linux-x86_64) ;;
*) die "the default engine is built for Linux on x86-64, and this is $system.
$ways" ;;
esac
grep -qw avx2 /proc/cpuinfo || die "the default engine needs a processor with AVX2, and this one has none.
$ways"
if ! ldd --version 2>&1 | grep -qiE 'glibc|gnu libc'; then
	die "the default engine needs glibc, and this system has another C library.
$ways"
fi
