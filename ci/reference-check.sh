#!/usr/bin/env bash
# Runs the cases of tests/cases through the released Python implementation, in both of its modes, and through zx-run,
# and compares what they print. Needs python3 and, the first time, the network; no part of `cargo test`.
#
#   ci/reference-check.sh             the table; status 1 if there is a difference that is not in the list
#   ci/reference-check.sh CASE...     only cases whose names begin like this
#   ci/reference-check.sh --write     the same, and writes the list anew; what has no reason yet gets `?`
#
# The known differences, with the reason for each, are in ci/reference-differences.txt. ZX_REFERENCE_VENV names a
# virtual environment to use or make (default: one below target/); ZX_RUN the zx-run to compare (default:
# target/release/zx-run, built if it is not there). All cases take about half an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${ZX_REFERENCE_VENV:-target/reference-venv}
if [ ! -x "$venv/bin/zx" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet zexus==2.0.0
fi
run=${ZX_RUN:-target/release/zx-run}
[ -x "$run" ] || cargo build --release --bin zx-run
exec python3 ci/reference_check.py "$venv/bin/zx" "$run" "$@"
