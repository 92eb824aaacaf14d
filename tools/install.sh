#!/bin/sh
# install.sh - the system packages that Antiphon is built from, installed where they are missing.
#
#   tools/install.sh           what `./run` and `./test` need
#   tools/install.sh --tests   also what `./test` runs its servers from
#   tools/install.sh --dev     also what `make lint` and `make fuzz` need
#   tools/install.sh --check   only says what is missing (exit 1 when something is)
#
# What is there already is found by what it gives (a command, a pkg-config module, a header), not by its
# package's name, so any system that has the parts passes. Only apt is driven; elsewhere the names to install
# are printed. Before anything runs as root, the packages and where they come from are printed.
#
# yyjson, llhttp and QuickJS are not in Debian 12. They come from Debian 13 through a source list of our own in a temporary
# folder: apt is pointed at it for one update and one install, nothing below /etc/apt is touched, every package
# but the four is pinned away, and the run is refused if apt would install, upgrade or remove anything else.
set -eu
umask 022
cd "$(dirname "$0")/.."
. tools/say.sh

# what it is found by : apt : dnf : brew
parts='
cmd:cc                gcc                   gcc                 -
hdr:stdio.h           libc6-dev             glibc-devel         -
cmd:meson             meson                 meson               meson
cmd:ninja             ninja-build           ninja-build         ninja
cmd:pkg-config        pkg-config            pkgconf             pkgconf
cmd:make              make                  make                make
cmd:curl              curl                  curl                curl
cmd:python3           python3               python3             python3
cmd:pdftotext         poppler-utils         poppler-utils       poppler
pc:libxml-2.0         libxml2-dev           libxml2-devel       libxml2
cmd:bsdtar            libarchive-tools      bsdtar              libarchive
pc:libarchive         libarchive-dev        libarchive-devel    libarchive
cmd:bwrap             bubblewrap            bubblewrap          -
py:venv,ensurepip     python3-venv          python3             python3
file:certificates     ca-certificates       ca-certificates     ca-certificates
pc:libuv              libuv1-dev            libuv-devel         libuv
pc:libcurl            libcurl4-openssl-dev  libcurl-devel       curl
pc:openssl            libssl-dev            openssl-devel       openssl@3
pc:sqlite3            libsqlite3-dev        sqlite-devel        sqlite
pc:libzstd            libzstd-dev           libzstd-devel       zstd
pc:zlib               zlib1g-dev            zlib-devel          zlib
pc:yaml-0.1           libyaml-dev           libyaml-devel       libyaml
pc:libpq              libpq-dev             libpq-devel         libpq
pc:libsodium          libsodium-dev         libsodium-devel     libsodium
hdr:wslay/wslay.h     libwslay-dev          wslay-devel         wslay
pc:libseccomp         libseccomp-dev        libseccomp-devel    -
pc:gumbo              libgumbo-dev          gumbo-parser-devel  gumbo-parser
pc:yyjson             libyyjson-dev         yyjson-devel        yyjson
pc:libllhttp          libllhttp-dev         llhttp-devel        llhttp
hdr:quickjs/quickjs.h libquickjs            quickjs-devel       quickjs
'
tests_parts='
server:postgres       postgresql            postgresql-server   postgresql@15
'
dev_parts='
cmd:clang             clang                 clang               llvm
fuzzer:clang          libclang-rt-dev       compiler-rt         -
cmd:clang-format      clang-format          clang-tools-extra   clang-format
'
next_packages='libyyjson0 libyyjson-dev libllhttp9.2 libllhttp-dev libquickjs'

found() # is the part there? $1: kind:name
{
	case $1 in
	cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
	pc:*) command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "${1#pc:}" ;;
	py:*) python3 -c "import $(echo "${1#py:}")" >/dev/null 2>&1 ;;
	file:certificates) # where OpenSSL or the system keeps its trusted certificates
		[ -s "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" ] || [ -s /etc/pki/tls/certs/ca-bundle.crt ] ||
			[ -s /etc/ssl/cert.pem ] ;;
	server:postgres) # Debian keeps its programs off the path
		command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ;;
	fuzzer:clang) # its run-time libraries are packages of their own
		echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return 0; }' |
			clang -fsanitize=fuzzer,address -x c - -o /dev/null >/dev/null 2>&1 ;;
	hdr:*) # through the compiler, where there is one: it knows its own folders
		if command -v cc >/dev/null 2>&1; then
			printf '#include <stddef.h>\n#include <%s>\n' "${1#hdr:}" | cc -E -x c - >/dev/null 2>&1
		else
			[ -e "/usr/include/${1#hdr:}" ]
		fi ;;
	esac
}

missing() # $1: column (2 apt, 3 dnf, 4 brew); prints the packages of what is not there
{
	echo "$parts" | while read -r what apt dnf brew; do
		[ -n "$what" ] || continue
		found "$what" && continue
		case $1 in 2) echo "$apt" ;; 3) echo "$dnf" ;; 4) echo "$brew" ;; esac
	done | grep -v '^-$' | sort -u | tr '\n' ' ' || :
}

# --- the next Debian release, for the packages that this one lacks ---

# Prints the system's own source of its release, for the next release and its main part only. It may be in
# one-line form (kept in next.list) or deb822 (next.sources); options, mirrors and keys stay as they are.
next_source() # $1: folder to write into, $2: this release, $3: the next one
{
	awk -v this="$2" -v next_="$3" '
		$1 == "deb" {
			at = 2
			if ($2 ~ /^\[/) { while ($at !~ /\]$/ && at < NF) at++; at++ }
			if ($at ~ /^cdrom:/ || $(at + 1) != this) next
			line = "deb"
			for (i = 2; i <= at; i++) line = line " " $i
			print line, next_, "main"; exit
		}' /etc/apt/sources.list /etc/apt/sources.list.d/*.list >"$1/next.list" 2>/dev/null || :
	[ -s "$1/next.list" ] && return 0
	rm -f "$1/next.list"
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -r "$file" ] || continue
		awk -v this="$2" -v next_="$3" '
			function flush(   i, n, w) {
				n = split(suites, w, " ")
				for (i = 1; i <= n; i++)
					if (w[i] == this && types ~ /(^| )deb( |$)/ && enabled !~ /no|false|0/ && !done) {
						printf "Types: deb\nSuites: %s\nComponents: main\n%s", next_, rest; done = 1
					}
				suites = types = enabled = rest = ""; key = ""
			}
			/^#/ { next }
			/^[ \t]*$/ { flush(); next }
			/^[ \t]/ {
				if (key == "suites") suites = suites " " $0
				else if (key == "types") types = types " " $0
				else if (key != "components" && key != "enabled") rest = rest $0 "\n"
				next
			}
			{
				key = tolower($0); sub(/:.*/, "", key)
				value = $0; sub(/^[^:]*:[ \t]*/, "", value)
				if (key == "suites") suites = value
				else if (key == "types") types = value
				else if (key == "enabled") enabled = tolower(value)
				else if (key != "components") rest = rest $0 "\n"
			}
			END { flush() }' "$file" >"$1/next.sources"
		[ -s "$1/next.sources" ] && return 0
	done
	rm -f "$1/next.sources"
	return 1
}

install_next() # $1: this release, $2: the next one
{
	dir=$(mktemp -d)
	trap 'as_root rm -rf "$dir"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir -p "$dir/parts" "$dir/none" "$dir/lists/partial" "$dir/cache/archives/partial"
	next_source "$dir/parts" "$1" "$2" || die "no source of '$1' found below /etc/apt: cannot tell this system's mirror.
Install by hand: $next_packages"
	cat >"$dir/pins" <<-END
		Package: $next_packages
		Pin: release n=$2
		Pin-Priority: 990

		Package: *
		Pin: release n=$2
		Pin-Priority: -1
	END
	# apt reads as a user of its own, so the folder must be open to it.
	chmod -R a+rX "$dir"
	only="-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$dir/parts
		-o Dir::Etc::preferences=$dir/pins -o Dir::Etc::preferencesparts=$dir/none
		-o Dir::State::lists=$dir/lists -o Dir::Cache=$dir/cache"
	say "yyjson, llhttp and QuickJS from $2, through a temporary source list (pinned, removed afterwards):"
	sed -n 's/^/    /p' "$dir"/parts/next.* | grep -v '^ *$' | head -n 8 >&2
	quietly "reading the package list of $2" as_root apt-get $apt_options $only update
	# shellcheck disable=SC2086
	plan=$(as_root apt-get $apt_options $only -s install --no-install-recommends $next_packages) ||
		die "apt finds no way to install $next_packages from $2:
$plan"
	others=$(echo "$plan" | awk -v ours=" $next_packages " '($1 == "Inst" || $1 == "Remv") && !index(ours, " " $2 " ")')
	[ -z "$others" ] || die "apt would touch more than those packages; nothing was done:
$others"
	# shellcheck disable=SC2086
	quietly "installing $next_packages" as_root apt-get $apt_options $only install -y --no-install-recommends $next_packages
}

# --- apt ---

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		DEBIAN_FRONTEND=noninteractive "$@"
	else
		# sudo forgets the environment; a proxy may be told there.
		sudo env DEBIAN_FRONTEND=noninteractive ${http_proxy:+"http_proxy=$http_proxy"} \
			${https_proxy:+"https_proxy=$https_proxy"} ${no_proxy:+"no_proxy=$no_proxy"} "$@"
	fi
}

apt_options='-q -o DPkg::Lock::Timeout=180 -o Dpkg::Use-Pty=0 -o APT::Color=0'

install_apt() # $1: packages
{
	packages=$1
	release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	next=
	case $packages in
	*yyjson* | *llhttp* | *quickjs*)
		if [ "$release" = bookworm ]; then
			next=trixie
			packages=$(echo " $packages " | sed 's/ libyyjson-dev / /; s/ libllhttp-dev / /; s/ libquickjs / /')
		fi ;;
	esac
	if [ -n "$(echo $packages)" ]; then
		say "system packages to install, from this system's own sources:"
		echo $packages | fold -s -w 100 | sed 's/^/    /' >&2
	fi
	[ -z "$next" ] || say "and from the next release, Debian 13 ($next): $next_packages"
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null 2>&1 || die "not root, and there is no sudo. As root, run: $PWD/tools/install.sh"
		say "sudo is used for this, and for nothing else"
		sudo -v || die "sudo refused. As root, run: $PWD/tools/install.sh"
	fi
	if [ -n "$(echo $packages)" ]; then
		quietly "reading the package lists" as_root apt-get $apt_options update
		# shellcheck disable=SC2086
		quietly "installing packages" as_root apt-get $apt_options install -y --no-install-recommends $packages
	fi
	[ -z "$next" ] || install_next "$release" "$next"
}

mode=
for arg; do
	case $arg in
	--tests) parts="$parts$tests_parts" ;;
	--dev) parts="$parts$dev_parts" ;;
	--check) mode=check ;;
	*) die "tools/install.sh: unknown option $arg" ;;
	esac
done

if command -v apt-get >/dev/null 2>&1; then
	list=$(missing 2)
elif command -v dnf >/dev/null 2>&1; then
	list=$(missing 3)
elif command -v brew >/dev/null 2>&1; then
	list=$(missing 4)
else
	list=$(missing 2)
fi
[ -n "$(echo $list)" ] || exit 0
if [ "$mode" = check ]; then
	say "missing: $list"
	exit 1
fi
if command -v apt-get >/dev/null 2>&1; then
	install_apt "$list"
elif command -v dnf >/dev/null 2>&1; then
	die "missing packages; install them with: sudo dnf install $list"
elif command -v brew >/dev/null 2>&1; then
	die "missing packages; install them with: brew install $list"
else
	die "missing (names as in Debian): $list"
fi
left=$(missing 2)
[ -z "$(echo $left)" ] || die "still missing after the installation: $left"
