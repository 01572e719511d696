#!/bin/sh
# Starts one sentinel: start-sentinel.sh DIR HOST PORT FIRST_PRIMARY [NAME]
# HOST and PORT are where the others reach it; FIRST_PRIMARY (host:port) counts only at the very first start, later the sentinel
# knows better. QUORUM (2) sentinels must agree that the primary is down, DOWN_AFTER_MS (2000) after it was last heard.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$1 host=$2 port=$3 first=$4 name=${5:-nineflags}

mkdir -p "$dir"
file=$dir/sentinel.conf
if [ ! -s "$file" ]; then
    {
        cat "$here/sentinel.conf"
        echo "bind $host"
        echo "port $port"
        echo "dir \"$dir\""
        echo "sentinel announce-ip $host"
        echo "sentinel announce-port $port"
        echo "sentinel monitor $name ${first%:*} ${first##*:} ${QUORUM:-2}"
        # Under 2000 a fresh primary can be called down again, and sentinels that were paused find no replica good enough.
        echo "sentinel down-after-milliseconds $name ${DOWN_AFTER_MS:-2000}"
        # A failover that came to nothing is tried again after twice this.
        echo "sentinel failover-timeout $name 6000"
        # Both other Redis follow the new primary at once: until then it may lack the replica it needs to take writes.
        echo "sentinel parallel-syncs $name 2"
        if [ -n "${REDIS_PASSWORD:-}" ]; then
            echo "sentinel auth-pass $name $REDIS_PASSWORD"
        fi
    } >"$file.new"
    chmod 600 "$file.new"
    mv "$file.new" "$file"
fi
exec redis-sentinel "$file"
