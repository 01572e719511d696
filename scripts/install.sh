#!/usr/bin/env bash
# Installs those of the named things that are missing: redis-server redis-sentinel haproxy ip chromium node npm-packages bench-packages.
# Does nothing, and asks no network, for what is here already.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

packages_are_in() {
    [ -f "$1/node_modules/.package-lock.json" ] && [ ! "$1/package-lock.json" -nt "$1/node_modules/.package-lock.json" ]
}

have() {
    case $1 in
        chromium) [ -x "${CHROMIUM:-}" ] || command -v chromium >/dev/null || command -v google-chrome >/dev/null ;;
        node) command -v node >/dev/null && command -v npm >/dev/null ;;
        npm-packages) packages_are_in . ;;
        bench-packages) packages_are_in bench/peers ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

# What to ask the system's packages for.
packages() {
    case $1 in
        redis-sentinel) echo redis-sentinel ;;
        ip) echo iproute2 ;;
        node) echo nodejs npm ;;
        *) echo "$1" ;;
    esac
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else return 1
    fi
}

apt_install() {
    command -v apt-get >/dev/null || return 1
    # Package lists on the machine are used as they are; only if they do not lead to the package are they fetched anew.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >&2 && return
    as_root apt-get update >&2 && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >&2
}

# The distribution starts a Redis of its own on port 6379 after installing it, or a balancer; ours are children of our programs.
without_service() {
    if [ "$1" = redis-server ] || [ "$1" = redis-sentinel ] || [ "$1" = haproxy ]; then
        if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
            as_root systemctl disable --now "$1" >/dev/null 2>&1 || true
        fi
    fi
}

install() {
    local folder=
    case $1 in
        npm-packages) folder=. ;;
        bench-packages) folder=bench/peers ;;
    esac
    if [ -n "$folder" ]; then
        say "Installing the packages of $folder/package-lock.json with npm ci ..."
        (cd "$folder" && npm ci --no-audit --no-fund >&2)
        touch "$folder/node_modules/.package-lock.json"
        return
    fi
    say "$1 is missing: installing it with apt-get ..."
    # shellcheck disable=SC2046
    apt_install $(packages "$1") && without_service "$1"
}

for thing in "$@"; do
    have "$thing" && continue
    if ! install "$thing" || ! have "$thing"; then
        say "Could not install $thing by itself. Please install it and try again:"
        case $thing in
            redis-server) say "  Debian, Ubuntu: sudo apt-get install redis-server;  Fedora: sudo dnf install redis;  macOS: brew install redis" ;;
            redis-sentinel) say "  Debian, Ubuntu: sudo apt-get install redis-sentinel;  elsewhere it comes with redis" ;;
            haproxy) say "  Debian, Ubuntu: sudo apt-get install haproxy;  Fedora: sudo dnf install haproxy;  macOS: brew install haproxy" ;;
            ip) say "  Debian, Ubuntu: sudo apt-get install iproute2;  Fedora: sudo dnf install iproute" ;;
            chromium) say "  Debian: sudo apt-get install chromium;  or set CHROMIUM to the path of a Chromium or Chrome" ;;
            node) say "  Node.js 20 or newer with npm: https://nodejs.org" ;;
            npm-packages) say "  npm ci" ;;
            bench-packages) say "  (cd bench/peers && npm ci)" ;;
        esac
        exit 1
    fi
done
