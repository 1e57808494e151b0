#!/usr/bin/env bash
# The regression gate of a change: counters without noise first, then throughput against a base, measured alternately.
# Usage: ci/gate.sh [BASE] [FLAGS...]: BASE is a revision or another zx-bench (default: origin/main).
set -euo pipefail
cd "$(dirname "$0")/.."
base="${1:-origin/main}"
[ $# -eq 0 ] || shift

cargo build --release --bin zx-bench
bench="${CARGO_TARGET_DIR:-target}/release/zx-bench"
if [ -f reports/baseline/counters.csv ]; then
    "$bench" gate --counters
fi
exec "$bench" gate --base "$base" "$@"
