"""The workloads: what is called, how often, and how many spans a call makes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module

from benchmarks.contestants import Contestant

Run = Callable[[int], list[float]]  # makes a number of calls, returns the seconds of each


@dataclass(frozen=True)
class Workload:
    """One workload. Its module, which imports the framework, is for the measured process only.

    `recorded` says how many spans of a call a contestant records that passes some over.
    """

    module: str
    calls: int
    spans: int
    recorded: Mapping[str, int] = field(default_factory=dict[str, int])

    def is_for(self, contestant: Contestant) -> bool:
        """Say whether `contestant` traces what is called here."""
        if self.module == "benchmarks.engines":
            return contestant.llama_index is not None
        return self.module != "benchmarks.client" or contestant.wrap is not None


WORKLOADS = {
    "w1": Workload("benchmarks.chains", calls=2_000, spans=7),
    "w2": Workload("benchmarks.chains", calls=2_000, spans=7),
    "w3": Workload("benchmarks.chains", calls=300, spans=4),
    "w4": Workload("benchmarks.chains", calls=300, spans=4),
    "w5": Workload("benchmarks.engines", calls=500, spans=14, recorded={"spanbook": 5}),
    "w6": Workload("benchmarks.client", calls=2_000, spans=1),
    "w6-stream": Workload("benchmarks.client", calls=150, spans=1),
}


def start(workload: str, contestant: Contestant) -> Run:
    """Import the framework, switch tracing on, and return what makes the calls."""
    return import_module(WORKLOADS[workload].module).start(workload, contestant)
