"""Times two commands in turn as whole processes. Prints medians of wall seconds, peak RSS in MB and of their pairwise ratios."""
import json
import os
import statistics
import subprocess
import sys
import time


def once(command):
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{command} failed: {errors.decode()[-2000:]}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def main():
    job = json.loads(sys.argv[1])
    once(job["a"])
    once(job["b"])
    pairs = [(once(job["a"]), once(job["b"])) for _ in range(job["runs"])]
    median = statistics.median
    print(json.dumps({
        "wall": median(a[0] for a, _ in pairs), "peerWall": median(b[0] for _, b in pairs), "wallRatio": median(a[0] / b[0] for a, b in pairs),
        "rss": median(a[1] for a, _ in pairs), "peerRss": median(b[1] for _, b in pairs), "rssRatio": median(a[1] / b[1] for a, b in pairs),
    }))


main()
