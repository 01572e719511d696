#!/usr/bin/env bash
# Builds the server and serves at ADDRESS with its data in DIR: scripts/play.sh ADDRESS DIR
set -euo pipefail
cd "$(dirname "$0")/.."
address=$1 data=$2
host=${address%:*} port=${address##*:}

case "$host" in
    127.* | localhost | '[::1]') ;;
    *) if [ -z "${NINEFLAGS_ORIGIN:-}" ]; then
        echo "Others can connect to $address: say which address they open, like" >&2
        echo "  NINEFLAGS_ORIGIN=http://192.168.1.5:$port make play LISTEN=$address" >&2
        exit 1
    fi ;;
esac
if ! command -v cargo >/dev/null; then
    echo "Rust is missing. Install it from https://rustup.rs, open a new terminal, and run make play again." >&2
    exit 1
fi
if ! command -v cc >/dev/null; then
    scripts/install.sh gcc || exit 1
fi
if [ "$port" != 0 ] && (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null; then
    echo "Something is serving at $address already. Stop it, or choose another address:" >&2
    echo "  make play LISTEN=$host:0        (any free port; the address is printed)" >&2
    exit 1
fi
if [ -z "${REDIS_URL:-}" ]; then
    scripts/install.sh redis-server
fi
exec cargo run --release --locked -- serve --listen "$address" --data "$data"
