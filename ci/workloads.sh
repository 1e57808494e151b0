#!/usr/bin/env bash
# Prints a table of every workload in every mode, as Markdown: one short process a cell, one thread.
# Usage: ci/workloads.sh [ZX-BENCH] [MORE FLAGS OF zx-bench run ...]
#
# The figures are a first look (`--quick`): no intervals. Folders with the records stay in reports/workloads.
set -euo pipefail
cd "$(dirname "$0")/.."

bench=${1:-target/release/zx-bench}
shift $(($# > 0 ? 1 : 0))
[ -x "$bench" ] || { echo "no $bench: build it with cargo build --release, or name another" >&2; exit 2; }

folder=reports/workloads
rm -rf "$folder"
mkdir -p "$folder"
worst=0
for path in workloads/*.zx; do
    name=$(basename "$path" .zx)
    status=0
    "$bench" run "$path" --quick --max-time 8s --threads 1 --no-latency --quiet --out "$folder/$name" "$@" \
        >"$folder/$name.txt" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        echo "$name ended with status $status:" >&2
        cat "$folder/$name.txt" >&2
        worst=1
    fi
done

# Columns by their name in the header: workload, mode, tps, tps_full, gas_per_tx, reverted, agreed.
awk -F, '
    function shown(n) { return n == "" ? "-" : sprintf("%.0f", n) }
    FNR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    {
        if (!printed++) print "| workload | mode | TPS (tx/s) | with all stages (tx/s) | gas a transaction | agreed |\n|---|---|---:|---:|---:|---|"
        printf "| %s | %s | %s | %s | %s | %s |\n", $at["workload"], $at["mode"], shown($at["tps"]),
            shown($at["tps_full"]), shown($at["gas_per_tx"]), $at["agreed"]
    }' "$folder"/*/summary.csv
exit "$worst"
