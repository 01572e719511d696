#!/bin/sh
# For the scripts beside it: how text is written into the settings of a Redis or a sentinel, and where they may lie.

# In quotes, between which Redis reads everything as it is but for these two characters.
quoted() { printf '"%s"' "$(printf '%s' "$1" | LC_ALL=C sed 's/[\\"]/\\&/g')"; }

# A setting is one line.
check_password() {
    case ${REDIS_PASSWORD:-} in
        *"
"*)
            echo "REDIS_PASSWORD has a line break in it: choose one without" >&2
            exit 1
            ;;
    esac
}

# A certificate needs its key, and others are known by their authority.
check_tls() {
    if [ -n "${REDIS_TLS_CERT:-}" ]; then
        : "${REDIS_TLS_KEY:?is not set: name the file with the key of REDIS_TLS_CERT}"
        : "${REDIS_TLS_CA:?is not set: name the file with the certificate of the authority that signed REDIS_TLS_CERT}"
    fi
}

# One command to a Redis or a sentinel, in time.
cli() {
    if [ -n "${REDIS_TLS_CERT:-}" ]; then set -- --tls --cacert "$REDIS_TLS_CA" "$@"; fi
    timeout 2 redis-cli "$@"
}

# The settings of the port it listens at; over TLS those of all connections it makes, too. No client needs a certificate.
listen() {
    if [ -z "${REDIS_TLS_CERT:-}" ]; then
        echo "port $1"
        return
    fi
    echo "port 0"
    echo "tls-port $1"
    printf 'tls-cert-file %s\n' "$(quoted "$REDIS_TLS_CERT")"
    printf 'tls-key-file %s\n' "$(quoted "$REDIS_TLS_KEY")"
    printf 'tls-ca-cert-file %s\n' "$(quoted "$REDIS_TLS_CA")"
    echo "tls-auth-clients no"
    echo "tls-replication yes"
}

# A folder that nobody else may look into, also one that others could before 0.4.0.
private_folder() {
    case $1 in /*) whole=$1 ;; *) whole=$PWD/$1 ;; esac
    case $whole in
        *[*?[]*)
            echo "$whole has a *, a ? or a [ in it, which Redis takes for a pattern of many files: name another folder" >&2
            exit 1
            ;;
    esac
    mkdir -p "$1"
    others=$(find "$1" -maxdepth 0 -perm /077)
    if [ -n "$others" ] && [ ! -e "$1/redis.conf" ] && [ ! -e "$1/sentinel.conf" ] && [ ! -e "$1/appendonlydir" ] &&
        ls -A "$1" | grep -q -v -x -e lost+found -e '.*\.log'; then
        echo "$1 is open to others, and holds other things: name a folder of its own, or take their rights away (chmod 700)" >&2
        exit 1
    fi
    if ! chmod 700 "$1"; then
        echo "$1 belongs to somebody else: name another folder, or give it to the user who starts this (chown)" >&2
        exit 1
    fi
    # What an earlier version left open.
    find "$1" -user "$(id -u)" ! -type l \( -path "$1/appendonly*" -o -name 'redis.*' -o -name 'sentinel.*' \) \
        -exec chmod go-rwx {} + 2>/dev/null || true
}
