#!/usr/bin/env bash
# Builds the peers and measures them with our own tiers in one session: the same transfers, the same final balances.
# Flags go to `zx-bench run`: benches/peers/run.sh --processes 3 --out reports/peers
# A peer that does not build here (the C ones need a C compiler) is named and left out.
set -euo pipefail
# Paths from the root: the commands stand in the report.
cd "$(dirname "$0")/../.."
target=${PEERS_TARGET_DIR:-target/peers}
bench=${ZX_BENCH:-target/release/zx-bench}
[ -x "$bench" ] || cargo build --release --bin zx-bench

engines=()
for peer in native rhai lua luajit quickjs revm; do
    manifest=benches/peers/Cargo.toml
    [ "$peer" = luajit ] && manifest=benches/peers/luajit/Cargo.toml
    if CARGO_TARGET_DIR=$target cargo build --release --manifest-path "$manifest" -p "peer-$peer"; then
        name=$peer
        [ "$peer" = native ] && name=rust
        engines+=(--engine "$name='$target/release/peer-$peer' {params} {threads} {process_ms}")
    else
        echo "run.sh: peer-$peer does not build here: left out" >&2
    fi
done
exec "$bench" run workloads/transfer.zx --modes interpreter,vm,adaptive --threads 1 --no-latency "${engines[@]}" "$@"
