"""What an observed call costs: recorded, not sampled, paused, off; in µs of its own thread."""

import tempfile
import time
import timeit
from collections.abc import Callable

import spanbook

_CALLS = 10_000
_REPETITIONS = 7


def plain(a: int, b: int = 2) -> int:
    """Add."""
    return a + b


def cost(function: Callable[..., int]) -> float:
    """Return the microseconds of a call, in the quickest of some repetitions."""
    times = timeit.repeat(
        lambda: function(1, b=3), timer=time.thread_time, number=_CALLS, repeat=_REPETITIONS
    )
    return min(times) / _CALLS * 1e6


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/spanbook.db"
        kept = spanbook.Recorder(url, ingest=False)
        others = {
            "recorded": kept,
            "not sampled": spanbook.Recorder(url, sample=0.0),
            "off": spanbook.Recorder(url, enabled=False),
        }
        print(f"{'a plain call':<16}{cost(plain):6.2f}")
        for name, recorder in others.items():
            print(f"{name:<16}{cost(spanbook.observe(recorder=recorder)(plain)):6.2f}")
        with spanbook.paused():
            print(f"{'paused':<16}{cost(spanbook.observe(recorder=kept)(plain)):6.2f}")
        kept.close()


if __name__ == "__main__":
    main()
