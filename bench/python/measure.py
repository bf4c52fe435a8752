"""Times one command, or two in turn, as whole processes. Prints medians of wall seconds, peak RSS in MB and of their pairwise ratios."""
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
    commands = [job[key] for key in ("a", "b") if key in job]
    for command in commands:
        once(command)
    runs = [[once(command) for command in commands] for _ in range(job["runs"])]
    result = {"wall": statistics.median(run[0][0] for run in runs), "rss": statistics.median(run[0][1] for run in runs)}
    if "b" in job:
        result |= {
            "peerWall": statistics.median(b[0] for _, b in runs), "wallRatio": statistics.median(a[0] / b[0] for a, b in runs),
            "peerRss": statistics.median(b[1] for _, b in runs), "rssRatio": statistics.median(a[1] / b[1] for a, b in runs),
        }
    print(json.dumps(result))


main()
