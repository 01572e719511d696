#!/bin/sh
# Starts one sentinel: start-sentinel.sh DIR HOST PORT FIRST_PRIMARY [NAME]
# HOST and PORT are where the others reach it; FIRST_PRIMARY (host:port) counts only at the very first start, later the sentinel
# knows better. QUORUM (2) sentinels must agree that the primary is down, DOWN_AFTER_MS (2000) after it was last heard. With
# REDIS_PASSWORD set the sentinel wants it from everybody, and gives it to the Redis and to the other sentinels. With REDIS_TLS_CERT,
# REDIS_TLS_KEY and REDIS_TLS_CA, whole paths, it speaks TLS only, also to them.
set -eu
# The password is for nobody else, from the first moment.
umask 077
here=$(cd "$(dirname "$0")" && pwd)
. "$here/quoted.sh"
dir=$1 host=$2 port=$3 first=$4 name=${5:-nineflags}

check_password
check_tls
private_folder "$dir"
file=$dir/sentinel.conf
rm -f "$file.new"
if grep -q '^sentinel myid ' "$file" 2>/dev/null; then
    # It is the sentinel's own: what it knows stays, but the password and the port are those of this start.
    grep -v -e '^port ' -e '^tls-' -e '^requirepass ' -e '^masterauth ' -e '^user default ' -e "^sentinel auth-pass $name " "$file" >"$file.new"
else
    # There is none, or one that no sentinel has taken: it is made anew.
    {
        cat "$here/sentinel.conf"
        echo "bind $host"
        printf 'dir %s\n' "$(quoted "$dir")"
        echo "sentinel announce-ip $host"
        echo "sentinel announce-port $port"
        echo "sentinel monitor $name ${first%:*} ${first##*:} ${QUORUM:-2}"
        # Under 2000 a fresh primary can be called down again, and sentinels that were paused find no replica good enough.
        echo "sentinel down-after-milliseconds $name ${DOWN_AFTER_MS:-2000}"
        # A failover that came to nothing is tried again after twice this.
        echo "sentinel failover-timeout $name 6000"
        # Both other Redis follow the new primary at once: until then it may lack the replica it needs to take writes.
        echo "sentinel parallel-syncs $name 2"
    } >"$file.new"
fi
listen "$port" >>"$file.new"
if [ -n "${REDIS_PASSWORD:-}" ]; then
    {
        # Sentinels also give this one to one another.
        printf 'requirepass %s\n' "$(quoted "$REDIS_PASSWORD")"
        printf 'sentinel auth-pass %s %s\n' "$name" "$(quoted "$REDIS_PASSWORD")"
    } >>"$file.new"
fi
mv "$file.new" "$file"
exec redis-sentinel "$file"
