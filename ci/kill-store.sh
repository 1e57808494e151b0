#!/usr/bin/env bash
# Kills a process that commits blocks to a durable store, at random moments, and prints what each store then holds:
# it must open at the last committed block, with the root that a run without kills has after that block.
# Usage: ci/kill-store.sh [KILLS]   (200 unless told otherwise; about half a second each)
set -euo pipefail
cd "$(dirname "$0")/.."

# The load is an example: `cargo test --test store` alone does not build it anew.
cargo build --quiet --example store_load
ZX_KILLS=${1:-200} cargo test --test store -- --exact killed_at_any_moment_it_opens_at_the_last_committed_block --nocapture
