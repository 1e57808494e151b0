#!/usr/bin/env bash
# Prints a table of every workload in every mode, as Markdown: one short process a cell, one thread.
# Usage: ci/workloads.sh [--out FOLDER] [--bench ZX-BENCH] [--only NAME[,NAME...]] [MORE FLAGS OF zx-bench run ...]
#
# The figures are a first look (`--quick`): no intervals. FOLDER (reports/workloads) keeps the records of each
# workload, and the table as workloads.md and, with all columns of summary.csv, as workloads.csv.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=reports/workloads
bench=target/release/zx-bench
only=
while [ $# -gt 0 ]; do
    case "$1" in
        --out | --bench | --only)
            [ $# -gt 1 ] || { echo "$1 needs a value" >&2; exit 2; }
            case "$1" in
                --out) folder=$2 ;;
                --bench) bench=$2 ;;
                --only) only=",$2," ;;
            esac
            shift 2
            ;;
        *) break ;;
    esac
done
[ -x "$bench" ] || { echo "no $bench: build it with cargo build --release, or name another with --bench" >&2; exit 2; }

mkdir -p "$folder"
worst=0
tables=()
for path in workloads/*.zx; do
    name=$(basename "$path" .zx)
    [ -z "$only" ] || [[ "$only" == *",$name,"* ]] || continue
    status=0
    "$bench" run "$path" --quick --max-time 8s --threads 1 --no-latency --quiet --fresh --out "$folder/$name" "$@" \
        >"$folder/$name.txt" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        echo "$name ended with status $status:" >&2
        cat "$folder/$name.txt" >&2
        worst=1
    fi
    [ ! -f "$folder/$name/summary.csv" ] || tables+=("$folder/$name/summary.csv")
done
[ ${#tables[@]} -gt 0 ] || { echo "no workload was measured" >&2; exit 1; }

awk 'FNR > 1 || NR == 1' "${tables[@]}" >"$folder/workloads.csv"

# Columns by their name in the header; `params` stands in quotes where it holds a comma, which none does today.
awk -F, '
    function shown(n) { return n == "" ? "-" : sprintf("%.0f", n) }
    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    {
        if (!printed++) print "| workload | mode | TPS (tx/s) | with all stages (tx/s) | gas a transaction | agreed |\n|---|---|---:|---:|---:|---|"
        printf "| %s | %s | %s | %s | %s | %s |\n", $at["workload"], $at["mode"], shown($at["tps"]),
            shown($at["tps_full"]), shown($at["gas_per_tx"]), $at["agreed"]
    }' "$folder/workloads.csv" | tee "$folder/workloads.md"
exit "$worst"
