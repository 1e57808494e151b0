#!/usr/bin/env bash
# Measures the peers beside our tiers and puts the table and the chart into the README: reports/peers.
# Flags go to `zx-bench run`. Wait until the machine is idle: `zx-bench doctor` warns if it is not.
set -euo pipefail
cd "$(dirname "$0")/../.."
bench=${ZX_BENCH:-target/release/zx-bench}
run=reports/peers-run

rm -rf "$run"
benches/peers/run.sh --max-time 4m --out "$run" "$@"
rm -rf reports/peers
mkdir -p reports/peers/charts
cp "$run"/{summary.csv,env.json,plan.json} reports/peers
cp "$run"/charts/tps-threads.{svg,png} reports/peers/charts
"$bench" report "$run" --format md --quiet >reports/peers/table.md
# The README has the first of the tables.
sed '/^| warm-up/,$d' reports/peers/table.md >"$run/first.md"
sed -i -e '/^<!-- peers -->$/,/^<!-- end of peers -->$/{//!d}' -e "/^<!-- peers -->\$/r $run/first.md" README.md
