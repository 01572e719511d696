#!/bin/sh
# Takes holes out of the append-only files of a Redis that does not run: mend-aof.sh DIR, where appendonlydir is in DIR.
# A disk that was full can leave one: Redis 7.0 takes back the first part of a command that it could not write whole, but
# then goes on where that part ended, so that zeros lie between two whole commands. Nothing was lost with them, and yet
# Redis does not start again. Anything else that is wrong is left as it is.
# Ends with 1 if Redis could not read all of what is there then; it may still start, if only the end is missing.
set -eu
dir=$1/appendonlydir
command -v redis-check-aof >/dev/null || exit 0

# How many zeros lie at a place of a file, if something else follows.
zeros_at() {
    cmp "$1" /dev/zero "$2" 0 2>/dev/null | sed -n 's/.*differ: [a-z]* \([0-9]*\).*/\1/p'
}

for manifest in "$dir"/*.manifest; do
    [ -e "$manifest" ] || continue
    until report=$(redis-check-aof "$manifest" 2>&1); do
        # Of the last file that it looked at: where its last whole command ends, and its name.
        broken=$(echo "$report" | sed -n 's/^AOF analyzed: filename=\(.*\), size=.*, ok_up_to=\([0-9]*\),.*/\2 \1/p' | tail -n 1)
        [ -n "$broken" ] || exit 1
        end=${broken%% *} file=$dir/${broken#* }
        next=$(zeros_at "$file" "$end")
        [ "${next:-1}" -gt 1 ] || exit 1
        echo "mend-aof: takes $((next - 1)) zeros out of $file, which a full disk has left there" >&2
        { head -c "$end" "$file" && tail -c "+$((end + next))" "$file"; } >"$file.mended"
        mv "$file.mended" "$file"
    done
done
