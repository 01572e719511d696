#!/bin/sh
# Starts the load balancer: balancer.sh LISTEN NODE… with addresses as host:port. With HAPROXY_DIR its settings
# are also written there, for people to read; otherwise they are nowhere on the disk.
# A node is host:port/ops-port, where ops-port is that of its NINEFLAGS_OPS_LISTEN, which says whether it is ready; without one
# it is asked at the port it serves on.
# `balancer.sh --check LISTEN NODE…` only says whether HAProxy takes the settings.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
check=
if [ "$1" = --check ]; then
    check=-c
    shift
fi
LISTEN=$1
export LISTEN
shift
settings() {
    cat "$here/haproxy.cfg"
    number=0
    for node in "$@"; do
        number=$((number + 1))
        case $node in
            */*) echo "    server node-$number ${node%/*} port ${node##*/}" ;;
            *) echo "    server node-$number $node" ;;
        esac
    done
}
if [ -n "${HAPROXY_DIR:-}" ]; then
    umask 077
    # A file of its own: what lies there already may be somebody else's.
    rm -f "$HAPROXY_DIR/haproxy.cfg"
    set -C
    settings "$@" >"$HAPROXY_DIR/haproxy.cfg"
fi
# Not as a daemon: whoever started it ends it.
exec haproxy $check -db -f /dev/stdin <<END
$(settings "$@")
END
