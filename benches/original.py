"""The measurement behind original.sh: `original.py ZX ZX_RUN ROUNDS`."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

SOURCE = """{settings}
let balances = {{"alice": 10 * {n}, "bob": 0}}
action transfer(from, to, amount) {{
    balances[from] = balances[from] - amount
    balances[to] = balances[to] + amount
}}
let count = 0
while (count < {n}) {{
    transfer("alice", "bob", 10)
    count = count + 1
}}
print("alice " + string(balances["alice"]) + ", bob " + string(balances["bob"]))
"""
WHOLE = 10_000


class Runner:
    """One mode of one implementation. A loop is timed between two lengths of it, so that the start cancels out."""

    def __init__(self, name, command, lengths, settings=""):
        self.name, self.command, self.lengths, self.settings = name, command, lengths, settings
        self.whole, self.each = [], []

    def seconds(self, folder, n):
        path = os.path.join(folder, "transfers.zx")
        with open(path, "w", encoding="utf-8") as file:
            file.write(SOURCE.format(n=n, settings=self.settings))
        started = time.perf_counter()
        done = subprocess.run([*self.command, path], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        took = time.perf_counter() - started
        if f"alice 0, bob {10 * n}" not in done.stdout:
            raise SystemExit(f"{self.name}, {n} transfers: wrong balances\n{done.stdout}{done.stderr}")
        return took

    def measure(self, folder):
        short, long = self.lengths
        self.whole.append(self.seconds(folder, WHOLE))
        few, many = self.seconds(folder, short), self.seconds(folder, long)
        self.each.append((many - few) / (long - short))

    def per_transfer(self):
        return statistics.median(self.each)

    def tps(self):
        return WHOLE / statistics.median(self.whole)


def main():
    zx, ours, rounds = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), int(sys.argv[3])
    off = "config.jit_enabled = false"
    walker = Runner("Python, interpreter", [zx, "run", "--no-vm"], (1, WHOLE))
    vm = Runner("Python, VM", [zx, "run"], (1, WHOLE))
    lower = Runner("zx-run, interpreter", [ours, "--no-cache"], (20_000, 220_000), off)
    whole = Runner("zx-run", [ours, "--no-cache"], (1_000_000, 21_000_000))
    runners = [walker, vm, lower, whole]
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for runner in runners:
                runner.measure(folder)
    print("| | a transfer in the loop | a whole run of 10,000: transfers a second |\n|---|--:|--:|")
    for runner in runners:
        print(f"| {runner.name} | {runner.per_transfer() * 1e9:,.1f} ns | {runner.tps():,.0f} |")
    print("\n| figure | aimed at | Python | zx-run |\n|---|--:|--:|--:|")
    gain = lambda low, high: f"{low.per_transfer() / high.per_transfer():,.2f}x"
    overall = lambda low, high: f"{high.tps() / low.tps():,.2f}x"
    print(f"| the loop against the interpreter alone | 100x | {gain(walker, vm)} | {gain(lower, whole)} |")
    print(f"| the whole run against the interpreter alone | 7.5x | {overall(walker, vm)} | {overall(lower, whole)} |")
    print(f"| transfers a second, whole run | 2,000 | {max(walker.tps(), vm.tps()):,.0f} | {whole.tps():,.0f} |")


if __name__ == "__main__":
    main()
