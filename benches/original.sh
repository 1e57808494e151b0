#!/usr/bin/env bash
# Sets the 10,000 transfers of this runtime against those of the released Python implementation, in each one's modes:
# what going up gains in the loop and over the whole run, and transfers a second. Needs python3 and, the first time,
# the network.
#
#   benches/original.sh [ROUNDS]      the table, as markdown [default: 5 rounds]
#
# ZX_REFERENCE_VENV and ZX_RUN as in ci/reference-check.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${ZX_REFERENCE_VENV:-target/reference-venv}
if [ ! -x "$venv/bin/zx" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet zexus==2.0.0
fi
run=${ZX_RUN:-target/release/zx-run}
[ -x "$run" ] || cargo build --release --bin zx-run
exec python3 benches/original.py "$venv/bin/zx" "$run" "${1:-5}"
