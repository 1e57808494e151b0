#!/usr/bin/env bash
# Counts the cases of tests/cases by the part of the language description that they are about, from the first word of
# their names (see "Writing a case" in CONTRIBUTING.md). A word that the table below does not know fails it.
set -euo pipefail
cd "$(dirname "$0")/.."
{ ls tests/cases | sed -n 's/\.zx$//p'; ls tests/cases/modules | sed 's/^/module-/'; } | awk '
    BEGIN {
        part["1 words and lines"] = "lex page-1"
        part["2 values"] = "value int float string map list print page-2"
        part["3 expressions"] = "op order page-3"
        part["4 statements"] = "stmt let scope match error defer action closure recursion module page-4"
        part["5 contracts"] = "contract state modifier inherit view protocol page-5"
        part["6 entities, data and enums"] = "entity data enum page-6"
        part["7 builtins"] = "builtin page-7"
        part["8 configuration, hand-over, tiers"] = "handover native inline page-8"
        part["9 errors and exit status"] = "page-9"
        part["10 gas and memory"] = "gas alloc page-10"
        part["whole programs"] = "program"
        for (name in part) { split(part[name], words, " "); for (i in words) of[words[i]] = name }
    }
    {
        word = $0; sub(/-.*/, "", word)
        if (word == "page") { split($0, parts, "-"); word = word "-" parts[2] }
        if (word in of) { count[of[word]]++; total++ } else { print "no part for " $0; unknown = 1 }
    }
    END {
        for (name in part) printf "%-36s%5d\n", name, count[name] | "sort -n"
        close("sort -n")
        printf "%-36s%5d\n", "all", total
        exit unknown
    }'
printf '%-36s%5d\n' "diagnostics (tests/diagnostics)" "$(ls tests/diagnostics/*.zx | wc -l)"
