"""Compares the released Python implementation with zx-run, case by case: see ci/reference-check.sh."""

import collections
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "ci/reference-differences.txt"
MODES = {"vm": ["run"], "walker": ["run", "--no-vm"]}
TIMEOUT_SECONDS = 60
SHOWN_MAX = 100


def output_of(command, folder):
    """(status or None, standard output, standard error) of a command without input; None: it took too long."""
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None, "", ""
    return done.returncode, done.stdout, done.stderr


def own_lines(text):
    """The program's lines: the package says much before it runs, the last of it one of these."""
    lines = text.split("\n")
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].startswith(("Executing on VM", "Validating syntax")):
            lines = lines[index + 1:]
            break
    while lines and not lines[-1]:
        lines.pop()
    return lines


def did_not_parse(out, err):
    return "ParseError" in out + err or ("❌" in out + err and "rror" in out + err)


def shown(lines, index):
    """A line as the list has it: without what differs from run to run."""
    if index >= len(lines):
        return "(end)"
    line = re.sub(r"0x[0-9a-f]{6,}", "0x", lines[index].replace("|", "¦"))
    return re.sub(r"\S*/tests/cases/", "", line)[:SHOWN_MAX].strip()


def compare(case, reference, runner):
    """{mode: (verdict, first difference)} of one case; verdicts: agree, differ, parse, slow."""
    with tempfile.TemporaryDirectory() as folder:
        status, out, _ = output_of([runner, "--no-cache", str(case)], folder)
        wanted, fails = own_lines(out), status != 0
        found = {}
        for mode, flags in MODES.items():
            status, out, err = output_of([reference, *flags, str(case)], folder)
            got = own_lines(out)
            if status is None:
                found[mode] = ("slow", "")
            elif did_not_parse(out, err):
                found[mode] = ("parse", "")
            elif got == wanted and (status != 0) == fails:
                found[mode] = ("agree", "")
            else:
                pairs = zip(got, wanted)
                same = next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(got), len(wanted)))
                differs = f"{shown(wanted, same)} | {shown(got, same)}"
                if got == wanted:
                    differs = f"status {int(fails)} | status {int(status != 0)}"
                found[mode] = ("differ", differs)
    return found


def read_list():
    """(the reasons with their heads, {(case, mode): (reason, difference)}, mistakes in the list)."""
    head, reasons, known, mistakes = [], set(), {}, []
    for number, line in enumerate(LIST.read_text().splitlines(), 1):
        if not line.strip() or line.startswith(("#", "reason ")):
            head.append(line)
            reasons |= {line.split()[1].rstrip(":")} if line.startswith("reason ") else set()
            continue
        entry, _, difference = line.partition(" | ")
        case, mode, reason = entry.split()
        known[case, mode] = (reason, difference)
        if reason not in reasons:
            mistakes.append(f"line {number}: there is no reason {reason}")
    return head, known, mistakes


def write_list(head, known, differences):
    """The list with today's differences; a changed one loses its reason, as somebody has to look at it."""
    lines = [line for line in head if line] + [""]
    for key in sorted(differences):
        reason, before = known.get(key, ("?", ""))
        kept = reason if before in ("", differences[key]) else "?"
        lines.append(f"{key[0]} {key[1]} {kept} | {differences[key]}")
    LIST.write_text("\n".join(lines) + "\n")


def main(reference, runner, *arguments):
    # A link must not be followed: the interpreter of a virtual environment finds it by its place.
    reference, runner = os.path.abspath(reference), os.path.abspath(runner)
    prefixes = tuple(argument for argument in arguments if argument != "--write")
    head, known, mistakes = read_list()
    cases = [case for case in sorted((ROOT / "tests/cases").glob("*.zx")) if "//%" not in case.read_text()]
    cases = [case for case in cases if not prefixes or case.stem.startswith(prefixes)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda case: compare(case, reference, runner), cases))
    totals, new, gone, differences = collections.Counter(), [], [], {}
    for case, found in zip(cases, results):
        shared = all(verdict != "parse" for verdict, _ in found.values())
        for mode, (verdict, difference) in found.items():
            reason, listed = known.get((case.stem, mode), (None, ""))
            if not shared:
                totals[mode, "not in the shared subset: does not parse"] += 1
            elif verdict == "slow":
                totals[mode, f"not compared: over {TIMEOUT_SECONDS} s"] += 1
            elif verdict == "agree":
                totals[mode, "agree"] += 1
                gone += [f"{case.stem} {mode} ({reason})"] if reason else []
            else:
                differences[case.stem, mode] = difference
                totals[mode, f"known: {reason}" if listed == difference else "NEW"] += 1
                new += [f"{case.stem} {mode}: {difference}"] if listed != difference else []
    print(f"{'':50}{'vm':>8}{'walker':>8}")
    for what in sorted({what for _, what in totals}):
        print(f"{what:50}{totals['vm', what]:>8}{totals['walker', what]:>8}")
    for title, lines in (("new differences", new), ("mistakes in the list", mistakes), ("listed, but agree", gone)):
        if lines:
            print(f"\n{title}:\n" + "\n".join("  " + line for line in lines))
    if "--write" in arguments and not prefixes:
        write_list(head, known, differences)
    return 1 if new or mistakes else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
