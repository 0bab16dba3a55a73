"""What is lost when a process dies, and how soon another process sees a span."""

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks import sink, stores
from benchmarks.contestants import CONTESTANTS, environment

ENDINGS = ("normal", "os._exit", "SIGKILL")
PATIENCE = 15.0  # seconds after which a span counts as not visible
BURST = 0.075  # of W1's calls: the last thousand spans before the end


def crashes(
    names: Sequence[str],
    url: str,
    repetitions: int,
    scale: float,
    one: Callable[..., dict[str, Any]],
) -> list[dict[str, Any]]:
    """Return the share of finished spans kept after each ending."""
    found: list[dict[str, Any]] = []
    for repetition in range(repetitions):
        cases = [(name, ending) for name in names for ending in ENDINGS if _records(name)]
        for name, ending in random.sample(cases, len(cases)):
            burst = BURST * scale / CONTESTANTS[name].scale
            figures = one(name, "w1", url, burst, ending)
            share = figures["kept"] / figures["expected"]
            found.append(
                {"contestant": name, "ending": ending, "repetition": repetition, "kept": share}
            )
    return found


def visibility(names: Sequence[str], url: str, repetitions: int) -> list[dict[str, Any]]:
    """Return after how many seconds a running and a finished span were seen, None for never."""
    found: list[dict[str, Any]] = []
    for repetition in range(repetitions):
        for name in random.sample(list(names), len(names)):
            if _records(name):
                about = {"contestant": name, "repetition": repetition}
                found.append(about | _visible(name, url))
    return found


def _records(name: str) -> bool:
    return name not in ("bare", "null")


def _visible(name: str, url: str) -> dict[str, float | None]:
    marker = uuid4().hex
    sink.ask(f"{url}/reset", post=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.child", name, "hold", "0", marker]
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(name, url, Path(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert child.stdin
        assert child.stdout
        began = float(child.stdout.readline())
        running = _wait(name, url, Path(folder), marker, finished=False, patience=2.0)
        child.stdin.write("\n")
        child.stdin.flush()
        ended = float(child.stdout.readline())
        done = _wait(name, url, Path(folder), marker, finished=True, patience=PATIENCE)
        child.communicate("\n")
    return {
        "running": None if running is None else running - began,
        "finished": None if done is None else done - ended,
    }


def _wait(
    name: str, url: str, folder: Path, marker: str, *, finished: bool, patience: float
) -> float | None:
    """Return when another process first saw the span, or None within `patience`."""
    text = f"done {marker}" if finished else marker
    until = time.time() + patience
    while time.time() < until:
        if CONTESTANTS[name].sink:
            when: Any = sink.ask(f"{url}/seen?{text.replace(' ', '%20')}")
        else:
            when = time.time() if stores.shows(name, folder, text) else None
        if when is not None:
            return when
        time.sleep(0.005)
    return None
