#!/bin/sh
# Starts one Redis of a group: start-redis.sh DIR HOST PORT SENTINEL,SENTINEL,… [NAME]
# HOST and PORT are where the others reach it; each SENTINEL is host:port. With REDIS_PASSWORD set, everybody needs it,
# and the sentinels are asked with it, too. With REDIS_TLS_CERT, REDIS_TLS_KEY and REDIS_TLS_CA, whole paths, it speaks TLS
# only, also to the others of its group and to the sentinels.
#
# Whether it is the primary is never decided by its own file: that may be from before a failover, and an old primary that
# is back takes writes that are lost a moment later. More than half of the sentinels are asked first. It starts
#   as a replica, whenever they name another; it can be promoted only once it has caught up;
#   as the primary, when they name it and it has never held anything, and neither have they known a replica;
#   as the primary with what it holds, when they name it and there is nobody to take its place, as after a power cut; or
#   when they could not agree on anybody for TAKEOVER_SECS (60).
set -eu
# The password and the games are for nobody else, from the first moment.
umask 077
here=$(cd "$(dirname "$0")" && pwd)
. "$here/quoted.sh"
dir=$1 host=$2 port=$3 sentinels=$4 name=${5:-nineflags}
TAKEOVER_SECS=${TAKEOVER_SECS:-60}
# So often must nobody be seen who could take its place, a second apart: longer than it takes to see who is down.
NOBODY_LOOKS=5

say() { echo "start-redis $host:$port: $*" >&2; }
ask() { cli -h "${1%:*}" -p "${1##*:}" SENTINEL "$2" "$name" 2>/dev/null; }
field() { awk -v name="$1" 'found { print; exit } $0 == name { found = 1 }'; }

# The newest word of the sentinels: sets voices, epoch, primary (host:port) and replicas.
look() {
    voices=0 of=0 epoch=-1 primary= replicas=0
    for sentinel in $(echo "$sentinels" | tr , ' '); do
        of=$((of + 1))
        answer=$(ask "$sentinel" MASTER) || continue
        # The one that carries a failover out still lists the old primary above, under the new number.
        address=$(ask "$sentinel" GET-MASTER-ADDR-BY-NAME | tr '\n' ':')
        case $address in ?*:?*:) ;; *) continue ;; esac
        told=$(echo "$answer" | field config-epoch)
        case $told in '' | *[!0-9]*) continue ;; esac
        voices=$((voices + 1))
        known=$(echo "$answer" | field num-slaves)
        [ "$known" -gt "$replicas" ] && replicas=$known
        if [ "$told" -gt "$epoch" ]; then
            epoch=$told
            primary=${address%:}
        fi
    done
    [ $((voices * 2)) -gt "$of" ]
}

# Where replicas are that some sentinel takes for up and fit to be promoted: "host port", a line each.
candidates() {
    for sentinel in $(echo "$sentinels" | tr , ' '); do
        ask "$sentinel" REPLICAS
    done | awk '
        function judge() { if (flags != "" && flags !~ /[so]_down/ && priority > 0) print ip, port }
        before == "name" { judge(); flags = "" }
        before == "ip" { ip = $0 }
        before == "port" { port = $0 }
        before == "flags" { flags = $0 }
        before == "slave-priority" { priority = $0 + 0 }
        { before = $0 }
        END { judge() }' | sort -u
}

# Whether some replica may be promoted. A sentinel that is blind, after its clock has jumped, goes on telling what it saw last:
# a replica that answers is believed about itself.
somebody() {
    candidates | {
        while read -r ip at; do
            cli -h "$ip" -p "$at" INFO replication 2>/dev/null </dev/null | grep -q '^slave_priority:0' || exit 0
        done
        exit 1
    }
}

# Sets follow to the primary to follow, or to nothing if this is to be the primary.
decide() {
    waited=0 nobody=0 before=
    while :; do
        if ! look; then
            words="waiting for the sentinels: $voices of $of answer"
        elif [ "$primary" != "$host:$port" ]; then
            follow=$primary
            return
        elif [ ! -e "$dir/appendonlydir" ] && [ "$epoch" -eq 0 ] && [ "$replicas" -eq 0 ]; then
            say "the sentinels name this one, and nothing was ever held: it begins as the primary"
            follow=
            return
        else
            words="the sentinels still name this one the primary: waiting for their failover"
            waited=$((waited + 1)) nobody=$((nobody + 1))
            if somebody; then nobody=0; fi
            if [ -e "$dir/appendonlydir" ] && [ $((nobody >= NOBODY_LOOKS || waited >= TAKEOVER_SECS)) = 1 ]; then
                say "there is nobody to take its place: it goes on as the primary with what it holds"
                follow=
                return
            fi
        fi
        [ "$words" = "$before" ] || say "$words"
        before=$words
        sleep 1
    done
}

# Lets a replica be promoted once it has caught up. Ends with that, or when its Redis is gone.
promote_when_caught_up() {
    while kill -0 "$1" 2>/dev/null; do
        sleep 1
        if cli -h "$host" -p "$port" INFO replication 2>/dev/null | grep -q '^master_link_status:up'; then
            cli -h "$host" -p "$port" CONFIG SET replica-priority 100 >/dev/null && return
        fi
    done
}

check_password
check_tls
private_folder "$dir"
if [ -n "${REDIS_PASSWORD:-}" ]; then
    export REDISCLI_AUTH="$REDIS_PASSWORD"
fi
decide
# A disk that was full can leave damage in the middle of a file, which Redis notices only when it reads it again, and then
# does not start.
if ! sh "$here/mend-aof.sh" "$dir" && [ -n "$follow" ]; then
    # Its primary gives it everything again.
    say "its append-only file is damaged: put aside as appendonlydir.damaged"
    rm -rf "$dir/appendonlydir.damaged"
    mv "$dir/appendonlydir" "$dir/appendonlydir.damaged"
fi
rm -f "$dir/redis.conf"
{
    cat "$here/redis-node.conf"
    echo "bind $host"
    listen "$port"
    printf 'dir %s\n' "$(quoted "$dir")"
    echo "replica-announce-ip $host"
    echo "replica-announce-port $port"
    if [ -n "${REDIS_PASSWORD:-}" ]; then
        printf 'requirepass %s\n' "$(quoted "$REDIS_PASSWORD")"
        # Also where it begins as the primary: it may have to follow another later.
        printf 'masterauth %s\n' "$(quoted "$REDIS_PASSWORD")"
    fi
    if [ -n "$follow" ]; then
        echo "replicaof ${follow%:*} ${follow##*:}"
        echo "replica-priority 0"
    fi
} >"$dir/redis.conf"
if [ -n "$follow" ]; then
    say "starts as a replica of $follow"
    (promote_when_caught_up $$ &)
fi
exec redis-server "$dir/redis.conf"
