#!/usr/bin/env bash
# Reads the output of `make test`. `lines`: the summary lines of cargo test, cargo nextest and node's test runner.
# `total STATUS`: one line `N passed, N failed`; a run that stopped although no test failed counts as one failure.
set -euo pipefail

plain() { sed 's/\x1b\[[0-9;]*m//g' | tr -d '\r'; }

case $1 in
    lines)
        plain | grep -E '^test result: |^ +Summary \[|^(ℹ|#) (tests|pass|fail|skipped) [0-9]+' || true
        ;;
    total)
        plain | awk -v status="$2" '
            /^test result: / { for (i = 1; i <= NF; i++) { if ($i ~ /^passed/) passed += $(i-1); if ($i ~ /^failed/) failed += $(i-1) } }
            /^ +Summary \[/ { for (i = 1; i <= NF; i++) { if ($i ~ /^passed/) passed += $(i-1); if ($i ~ /^failed|^timed/) failed += $(i-1) } }
            /^(ℹ|#) pass [0-9]+/ { passed += $3 }
            /^(ℹ|#) fail [0-9]+/ { failed += $3 }
            END { if (status != 0 && failed == 0) failed = 1; printf "%d passed, %d failed\n", passed, failed }'
        ;;
esac
