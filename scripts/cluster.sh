#!/usr/bin/env bash
# A whole cluster on this machine, each part a process: three nodes behind HAProxy, a Redis primary with two replicas, three sentinels.
#   scripts/cluster.sh                starts it and stays; Ctrl-C ends all of it
#   scripts/cluster.sh start NAME     starts a part again that was killed or ended, like node-2 or redis-1
# DATA (./data/cluster) is where everything is kept; PORT (7100) is the balancer's, the others follow: the nodes at PORT+1 to +3, their
# health and metrics at +4 to +6, Redis at +11 to +13, the sentinels at +21 to +23. NINEFLAGS_BIN is a built binary to use instead of building one. With REDIS_PASSWORD set
# every Redis and sentinel wants it; with REDIS_TLS_CERT, REDIS_TLS_KEY and REDIS_TLS_CA, whole paths, they speak TLS only.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${DATA:-./data/cluster}
# What lies there is for nobody else.
(umask 077 && mkdir -p "$data")
data=$(cd "$data" && pwd)
name=nineflags

say() { printf '%s\n' "$*"; }
port_of() {
    local number=${1##*-}
    case $1 in
        balancer) echo "$base" ;;
        node-*) echo $((base + number)) ;;
        ops-*) echo $((base + 3 + number)) ;;
        redis-*) echo $((base + 10 + number)) ;;
        sentinel-*) echo $((base + 20 + number)) ;;
    esac
}
parts=(sentinel-1 sentinel-2 sentinel-3 redis-1 redis-2 redis-3 node-1 node-2 node-3 balancer)
is_busy() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
is_alive() { [ -s "$data/$1.pid" ] && kill -0 "$(cat "$data/$1.pid")" 2>/dev/null; }

# Asks the running cluster to start a part again: it alone may be the parent, so that nothing outlives it.
start_again() {
    local part=$1 known
    for known in "${parts[@]}"; do [ "$known" = "$part" ] && break; known=; done
    if [ -z "$known" ]; then
        say "There is no $part. The parts are: ${parts[*]}" >&2
        exit 1
    fi
    if ! is_alive cluster; then
        say "No cluster runs with its data in $data. Start one with: make cluster" >&2
        exit 1
    fi
    if is_alive "$part"; then
        say "$part is running already, with pid $(cat "$data/$part.pid")." >&2
        exit 1
    fi
    rm -f "$data/$part.pid"
    echo "$part" >>"$data/start.requests"
    kill -USR1 "$(cat "$data/cluster.pid")"
    for _ in $(seq 100); do
        if is_alive "$part"; then
            say "$part is started, with pid $(cat "$data/$part.pid")."
            return
        fi
        sleep 0.1
    done
    say "$part did not start; see $data/$part.log" >&2
    exit 1
}

case ${1:-} in
    '') ;;
    start) start_again "${2:?the name of a part}"; exit ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 1 ;;
esac

if is_alive cluster; then
    say "A cluster runs already with its data in $data (pid $(cat "$data/cluster.pid"))." >&2
    exit 1
fi
scripts/install.sh redis-server redis-sentinel haproxy
binary=${NINEFLAGS_BIN:-}
if [ -z "$binary" ]; then
    cargo build --release --locked
    binary=${CARGO_TARGET_DIR:-target}/release/nineflags
fi

# Also the logs: from here on nothing is built any more.
umask 077
# The sentinels write ports down, so the first choice is kept as long as the data is.
if [ -s "$data/port" ]; then
    base=$(cat "$data/port")
    for part in "${parts[@]}" ops-1 ops-2 ops-3; do
        if is_busy "$(port_of "$part")"; then
            say "Port $(port_of "$part"), which $part had before, is in use. Free it, or remove $data to begin anew." >&2
            exit 1
        fi
    done
else
    base=${PORT:-7100}
    while for part in "${parts[@]}" ops-1 ops-2 ops-3; do is_busy "$(port_of "$part")" && break; done; do
        [ -n "${PORT:-}" ] && { say "Some port from $base to $((base + 23)) is in use. Choose another PORT." >&2; exit 1; }
        base=$((base + 30))
    done
    echo "$base" >"$data/port"
fi

sentinels=127.0.0.1:$(port_of sentinel-1),127.0.0.1:$(port_of sentinel-2),127.0.0.1:$(port_of sentinel-3)
nodes=()
for number in 1 2 3; do nodes+=("127.0.0.1:$(port_of node-$number)/$(port_of ops-$number)"); done
# Percent-encodes every byte.
encoded() { printf '%s' "$1" | od -An -v -tx1 | tr -d '\n' | sed 's/ /%/g'; }
query=
if [ -n "${REDIS_PASSWORD:-}" ]; then
    query="?password=$(encoded "$REDIS_PASSWORD")&sentinel_password=$(encoded "$REDIS_PASSWORD")"
fi
scheme=redis
if [ -n "${REDIS_TLS_CERT:-}" ]; then
    scheme=rediss
    export NINEFLAGS_REDIS_CA=${REDIS_TLS_CA:-}
fi
export REDIS_URL=$scheme+sentinel://$sentinels/$name$query NINEFLAGS_TRUST_FORWARDED=true HAPROXY_DIR=$data
declare -A pids=()

# Each in a session of its own, so that Ctrl-C reaches only this script, which then ends them in order; and where the
# system can do it, each ends when this script is killed.
start() {
    local part=$1 port
    port=$(port_of "$part")
    local -a command
    case $part in
        sentinel-*) command=(redis/start-sentinel.sh "$data/$part" 127.0.0.1 "$port" "127.0.0.1:$(port_of redis-1)" "$name") ;;
        redis-*) command=(redis/start-redis.sh "$data/$part" 127.0.0.1 "$port" "$sentinels" "$name") ;;
        node-*) command=("$binary" serve --listen "127.0.0.1:$port" --ops-listen "127.0.0.1:$(port_of "ops-${part##*-}")") ;;
        balancer) command=(deploy/balancer.sh "127.0.0.1:$port" "${nodes[@]}") ;;
    esac
    if command -v setpriv >/dev/null; then command=(setpriv --pdeathsig TERM "${command[@]}"); fi
    setsid "${command[@]}" >>"$data/$part.log" 2>&1 </dev/null &
    pids[$part]=$!
    echo "${pids[$part]}" >"$data/$part.pid"
}

# Ends parts and waits for them; who does not end in time is killed.
finish() {
    local part
    for part in "$@"; do
        # The whole session: a start script has helpers.
        if [ -n "${pids[$part]:-}" ]; then kill -TERM -- "-${pids[$part]}" 2>/dev/null || true; fi
    done
    for part in "$@"; do
        [ -n "${pids[$part]:-}" ] || continue
        for _ in $(seq 150); do
            kill -0 "${pids[$part]}" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL -- "-${pids[$part]}" 2>/dev/null || true
        wait "${pids[$part]}" 2>/dev/null || true
        rm -f "$data/$part.pid"
    done
}
end_all() {
    trap '' INT TERM USR1
    trap - EXIT
    say "Ending ..."
    finish balancer node-1 node-2 node-3
    # The sentinels first, so that they see nobody die.
    finish sentinel-1 sentinel-2 sentinel-3
    finish redis-1 redis-2 redis-3
    rm -f "$data/cluster.pid" "$data/start.requests"
    say "Everything has ended. The data is kept in $data."
    exit 0
}
answer_requests() {
    local part
    [ -e "$data/start.requests" ] || return 0
    mv "$data/start.requests" "$data/start.taken"
    while read -r part; do
        if ! is_alive "$part"; then start "$part"; fi
    done <"$data/start.taken"
    rm -f "$data/start.taken"
}
# Tells of parts that ended by themselves, or were killed.
notice_ends() {
    local part status
    for part in "${!pids[@]}"; do
        kill -0 "${pids[$part]}" 2>/dev/null && continue
        status=0
        wait "${pids[$part]}" 2>/dev/null || status=$?
        unset "pids[$part]"
        rm -f "$data/$part.pid"
        say "$part has ended with status $status. Start it again: scripts/cluster.sh start $part"
    done
}
is_ready() {
    local answer
    answer=$( (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$2" >&3 && head -n 1 <&3) 2>/dev/null) || return 1
    [[ $answer == *" 200"* ]]
}

rm -f "$data/start.requests"
echo $$ >"$data/cluster.pid"
trap end_all EXIT INT TERM
trap answer_requests USR1
say "Starting, with logs in $data ..."
for part in "${parts[@]}"; do
    start "$part"
done
for part in ops-1 ops-2 ops-3 balancer; do
    path=/readyz
    [ "$part" = balancer ] && path=/
    until is_ready "$(port_of "$part")" "$path"; do
        notice_ends
        sleep 0.5
    done
done

address() { printf '  %-11s 127.0.0.1:%-6s pid %s\n' "$1" "$(port_of "$1")" "${pids[$1]}"; }
say
say "Open http://127.0.0.1:$(port_of balancer)/ in two browsers (or one and a private window), and play."
say
for part in balancer node-1 node-2 node-3 redis-1 redis-2 redis-3 sentinel-1 sentinel-2 sentinel-3; do address "$part"; done
shown=${data#"$PWD"/}
say "
Things to try while a game is on:
  kill -9 \$(cat $shown/node-2.pid)        # a node dies: its browsers come back through another, the games go on
  kill -TERM \$(cat $shown/node-1.pid)     # a node drains, as in an upgrade
  scripts/cluster.sh start node-2          # ... and is there again
  kill -9 \$(cat $shown/redis-1.pid)       # the primary dies: the sentinels make a replica the primary within some 4 s
  scripts/cluster.sh start redis-1         # ... and the old one follows it
  redis-cli -p $(port_of sentinel-1) sentinel master $name       # what the sentinels think
  curl -s http://127.0.0.1:$(port_of ops-1)/readyz               # what a node thinks
  tail -f $shown/node-3.log"
if "$binary" inspect --help >/dev/null 2>&1; then
    shown_url=${REDIS_URL%%\?*}
    [ -z "$query" ] || shown_url="$shown_url?password=…&sentinel_password=…"
    say "  REDIS_URL='$shown_url' $binary inspect"
fi
say "
Ctrl-C ends everything; the data stays in $shown."
while :; do
    sleep 1 &
    wait $! || true
    notice_ends
done
