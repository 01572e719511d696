#!/bin/sh
# Starts the load balancer: balancer.sh LISTEN NODE… with addresses as host:port; HAPROXY_DIR is where its settings are written.
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
file=${HAPROXY_DIR:-/tmp}/haproxy.cfg
{
    cat "$here/haproxy.cfg"
    number=0
    for node in "$@"; do
        number=$((number + 1))
        echo "    server node-$number $node"
    done
} >"$file"
# Not as a daemon: whoever started it ends it.
exec haproxy $check -db -f "$file"
