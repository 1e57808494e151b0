#!/usr/bin/env bash
# Counts what the harness adds to its timed windows: instructions between the two readings of the clock that are not
# the engine's, as a share of the engine's, on a fixed seed, by callgrind. Fails above 1%.
# Usage: ci/overhead.sh [ZX-BENCH]   (target/release/zx-bench unless told otherwise)
set -euo pipefail
cd "$(dirname "$0")/.."

bench=${1:-target/release/zx-bench}
[ -x "$bench" ] || { echo "no $bench: build it with cargo build --release, or name another" >&2; exit 2; }
for tool in valgrind callgrind_annotate; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: install valgrind, which this script alone needs" >&2; exit 2; }
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Instructions of a function with all that it calls, in a profile; nothing if it was not called.
inclusive() {
    callgrind_annotate --inclusive=yes --threshold=100 "$1" 2>/dev/null | grep -F "$2" | grep -v "closure" | head -1 |
        sed -E 's/^ *([0-9,]+).*/\1/' | tr -d ',' || true
}

worst=0
printf '%-12s %-12s %16s %16s %10s\n' workload mode "engine's" "around it" overhead
for workload in transfer loop token p2p; do
    for mode in interpreter vm; do
        rm -f "$folder"/cg.*
        valgrind --tool=callgrind --trace-children=yes --callgrind-out-file="$folder/cg.%p" --quiet \
            "$bench" run "workloads/$workload.zx" --smoke --modes "$mode" --threads 1 --seed 42 --out "$folder/out" --fresh \
            >"$folder/said" 2>&1 || { cat "$folder/said" >&2; exit 1; }
        window=0
        engine=0
        for profile in "$folder"/cg.*; do
            for pair in "Isolate::timed_main|Isolate::run_main" "ledgers::timed_block|isolate::Isolate>::execute "; do
                outer=$(inclusive "$profile" "${pair%|*}")
                inner=$(inclusive "$profile" "${pair#*|}")
                # A block workload runs its top level once before its blocks: that is no window.
                [ -n "$outer" ] && [ -n "$inner" ] || continue
                [ "$workload" = transfer ] || [ "$workload" = loop ] || [[ "$pair" == ledgers* ]] || continue
                window=$((window + outer))
                engine=$((engine + inner))
            done
        done
        [ "$engine" -gt 0 ] || { echo "$workload in $mode: no timed window found in the profile of $bench" >&2; exit 1; }
        around=$((window - engine))
        share=$(awk -v a="$around" -v b="$engine" 'BEGIN { printf "%.4f", 100 * a / b }')
        printf '%-12s %-12s %16s %16s %9s%%\n' "$workload" "$mode" "$engine" "$around" "$share"
        worst=$(awk -v a="$worst" -v b="$share" 'BEGIN { print (a > b ? a : b) }')
    done
done
echo
echo "worst: $worst% of the engine's instructions; 1% is allowed"
awk -v worst="$worst" 'BEGIN { exit !(worst < 1) }'
