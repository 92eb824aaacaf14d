# The front door for those who are inside. Everything real is in ./run, ./test, tools/ and meson.build.
MODEL =
ENGINE =
FUZZ_SECONDS = 60
SOAK_MINUTES = 30
BENCH_CHUNKS = 10000,100000,1000000
SOAK_KILLS = 500

.PHONY: all run test check lint format bench package fuzz soak compat clean help

all:
	tools/install.sh
	tools/build.sh build release

# make run [MODEL=FILE.gguf] [ENGINE=URL]
run:
	./run $(if $(MODEL),--model $(MODEL)) $(if $(ENGINE),--engine $(ENGINE))

test:
	./test

# The tests beside the source alone: the quick look while writing C.
check:
	tools/install.sh
	tools/python-env.sh tests
	./test unit

lint:
	tools/install.sh --dev
	tools/build.sh build-asan asan
	tools/lint --format

format:
	tools/install.sh --dev
	clang-format -i $$(git ls-files '*.c' '*.h')

bench:
	tools/install.sh
	tools/build.sh build release
	bench/run.py build
	bench/search.py build --chunks $(BENCH_CHUNKS)
	tools/build.sh build release bench/bench-fleet
	build/bench/bench-fleet
	tools/build.sh build release src/session/session_bench
	build/src/session/session_bench

# A .deb for this Debian: docs/packages.md.
package:
	tools/package

# Every fuzz target for FUZZ_SECONDS; what it finds stays in build-fuzz/found.
fuzz:
	tools/install.sh --dev
	tools/build.sh build-fuzz fuzz
	tools/fuzz.sh build-fuzz $(FUZZ_SECONDS)

soak:
	tools/install.sh
	tools/python-env.sh tests
	tools/build.sh build-asan asan
	ANTIPHON_BIN=build-asan/antiphon .venv/bin/python tests/crash.py --kills $(SOAK_KILLS)
	ANTIPHON_BIN=build-asan/antiphon .venv/bin/python tests/soak.py --minutes $(SOAK_MINUTES)
	tools/python-env.sh compat
	ANTIPHON_BIN=build-asan/antiphon SCHEMATHESIS_SECONDS=$$(($(SOAK_MINUTES) * 60)) .venv/bin/python -m pytest -c tests/pytest.ini \
		-q tests/compat/test_schemathesis.py

# Programs of others, pinned, kept in a cache folder: Codex (400 MB) and agent SDKs (700 MB, docs/clients.md) against the
# server, Prism (70 MB) between it and the SDKs, schemathesis for a minute (for SOAK_MINUTES in make soak).
compat:
	tools/install.sh
	tools/python-env.sh tests
	tools/build.sh build-asan asan
	tools/compat-clients.sh
	tools/compat.sh

clean:
	rm -rf build build-asan build-fuzz build-test-results

help:
	@echo 'make          build everything in build/'
	@echo 'make run      from nothing to a server that answers [MODEL=FILE.gguf] [ENGINE=URL]'
	@echo 'make test     all tests'
	@echo 'make check    the tests beside the source alone'
	@echo 'make lint     the rules of the house; make format: the form of the C'
	@echo 'make bench    measure'
	@echo 'make package  a .deb for this Debian'
	@echo 'make fuzz     every parser of foreign bytes [FUZZ_SECONDS=60]'
	@echo 'make soak     crashes and load [SOAK_MINUTES=30] [SOAK_KILLS=500]'
	@echo 'make compat   programs of others against the server (1.2 GB, once)'
	@echo 'make clean    remove what was built'
