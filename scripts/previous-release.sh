#!/usr/bin/env bash
# Builds the last release from the repository's own history, once, and prints where its binary is. The commit is named in
# tests/previous-release.
set -euo pipefail
cd "$(dirname "$0")/.."
commit=$(grep -v '^#' tests/previous-release | head -n 1)
mkdir -p "${CARGO_TARGET_DIR:-target}/previous-release"
folder=$(cd "${CARGO_TARGET_DIR:-target}/previous-release" && pwd)
binary=$folder/nineflags-$commit

if ! git cat-file -e "$commit^{commit}" 2>/dev/null; then
    echo "The commit of the last release, $commit, is not in this clone: fetch the whole history (git fetch --unshallow)." >&2
    exit 1
fi
if [ ! -x "$binary" ]; then
    # One builds; whoever comes meanwhile waits for it.
    exec 9>"$folder/lock"
    flock 9
    if [ ! -x "$binary" ]; then
        rm -rf "$folder/source"
        mkdir "$folder/source"
        git archive "$commit" | tar -x -C "$folder/source"
        (cd "$folder/source" && CARGO_TARGET_DIR="$folder/build" cargo build --quiet --locked --bin nineflags) >&2
        cp "$folder/build/debug/nineflags" "$binary"
    fi
fi
echo "$binary"
