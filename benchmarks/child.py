"""One contestant in one process: warms up, runs a workload, writes what it measured, exits.

With an ending other than `normal` it dies right after its last call, and with `hold` it waits
inside a call, for another process to look for the running span.
"""

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

from benchmarks.contestants import CONTESTANTS
from benchmarks.workloads import WORKLOADS, start

WARM_UP = 50


def peak_memory() -> int:
    """Return the most memory held since `reset_peak`, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def reset_peak() -> None:
    """Let the peak begin at what is held now (Linux; elsewhere it stays the process's peak)."""
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def measure(contestant: str, workload: str, calls: int, report: Path) -> None:
    started = time.process_time()  # before the framework is imported: the interpreter alone
    work, run = WORKLOADS[workload], start(workload, CONTESTANTS[contestant])
    first_handler = time.process_time() - started
    run(WARM_UP)
    warm = time.process_time() - started
    reset_peak()
    memory, before = peak_memory(), time.process_time()
    thread, wall = time.thread_time(), time.perf_counter()
    took = sorted(run(calls))
    measured = {
        "thread": time.thread_time() - thread,
        "loop": time.process_time() - before,
        "wall": time.perf_counter() - wall,
        "p99": took[int(len(took) * 0.99)] if took else None,
        "memory": peak_memory() - memory,
        "before": before,
        "first_handler": first_handler,
        "warm": warm,
        "expected": (calls + WARM_UP) * work.recorded.get(contestant, work.spans),
    }
    report.write_text(json.dumps(measured))


def main(contestant: str, workload: str, calls: str, report: str, ending: str = "normal") -> None:
    if workload == "hold":
        from benchmarks.chains import hold

        hold(CONTESTANTS[contestant], report)
    else:
        measure(contestant, workload, int(calls), Path(report))
    if ending == "os._exit":
        os._exit(0)
    if ending == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
