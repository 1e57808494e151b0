#!/usr/bin/env bash
# Opens a report page in headless Chromium, light, dark and narrow: it must load without an error and without a request
# to anywhere. Leaves three pictures for looking at. Not part of `cargo test`: it needs a browser.
# Usage: ci/report-check.sh [REPORT.html, or the folder of a run] [FOLDER FOR PICTURES]
set -euo pipefail
page=$(realpath "${1:-reports/latest}")
[ ! -d "$page" ] || page=$page/report.html
[ -f "$page" ] || { echo "report-check: no $page" >&2; exit 2; }
into=${2:-$(mktemp -d)}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) \
    || { echo "report-check: no Chromium is installed" >&2; exit 2; }
mkdir -p "$into"
failed=0
for look in light dark narrow; do
    size=1200,2400 more=()
    [ "$look" = dark ] && more=(--blink-settings=preferredColorScheme=0)
    [ "$look" = light ] && more=(--blink-settings=preferredColorScheme=1)
    [ "$look" = narrow ] && size=500,2400 more=(--blink-settings=preferredColorScheme=1)
    log=$into/$look.log
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$into/profile" \
        --no-first-run --disable-background-networking --disable-component-update --disable-sync \
        --enable-logging=stderr --log-net-log="$into/$look.net.json" --window-size="$size" "${more[@]}" \
        --screenshot="$into/$look.png" "file://$page" >"$log" 2>&1 \
        || { echo "report-check: $look: the browser failed; see $log" >&2; failed=1; }
    [ -s "$into/$look.png" ] || { echo "report-check: $look: no picture; see $log" >&2; failed=1; }
    if grep -E 'CONSOLE.*(error|Refused|Failed)' "$log"; then
        echo "report-check: $look: the page reports errors" >&2; failed=1
    fi
done
# The page itself must name nothing to load.
if grep -oEi '(src|href|srcset|poster|data)="[^"]*"|url\([^)]*\)|@import[^;]*|<script' "$page"; then
    echo "report-check: the page loads something" >&2; failed=1
fi
[ "$failed" = 0 ] && echo "report-check: $page loads cleanly; pictures are in $into"
exit "$failed"
