"""A runner: the transfers of `workloads/transfer.zx` in Python, for
`zx-bench run transfer --engine python='python3 examples/runner.py {params} {process_ms}'`."""

import hashlib
import json
import sys
import time


def say(kind, **fields):
    print(json.dumps({"type": kind, **fields}))


def run_pass(count):
    start = max(1_000_000, 10 * count)
    balances = {"alice": start, "bob": 0}
    for _ in range(count):
        balances["alice"] -= 10
        balances["bob"] += 10
    # What the workload prints: equal text is equal work.
    return f"alice {balances['alice']}, bob {balances['bob']}\n"


def window(passes):
    started = time.perf_counter_ns()
    results = [run_pass(count) for _ in range(passes)]
    took = time.perf_counter_ns() - started
    say("window", n=passes * count, ns=took, at_ns=time.perf_counter_ns() - begin)
    return results, took


def sha256(data):
    return hashlib.sha256(data).digest()


parameters = dict(pair.split("=") for pair in sys.argv[1].split(";"))
count = int(parameters.get("iterations", 10_000))
end_ns = int(sys.argv[2]) * 1_000_000
say("hello", protocol=1, engine="python", chain="output")
begin = time.perf_counter_ns()
results, took = window(1)  # the cold one
passes = max(1, 10_000_000 // took)  # about 10 ms a window
windows = 0
while time.perf_counter_ns() - begin < end_ns or windows < 8:
    results += window(passes)[0]
    windows += 1
link = bytes(32)
for index, text in enumerate(results[:20]):
    link = sha256(link + sha256(text.encode()))
    say("digest", index=index, hex=link.hex())
say("bye")
