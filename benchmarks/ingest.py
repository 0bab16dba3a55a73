"""How fast a store takes in a journal: `python -m benchmarks.ingest [URL]`.

Without a URL the store is a new SQLite file; a server's database should be empty.
"""

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.workloads import WORKLOADS

INGEST = """
import json, sys, time
from pathlib import Path
from sqlalchemy import func, select
from spanbook.store.database import open_engine
from spanbook.store.schema import spans
from spanbook.store.takeover import collect
url, journal = sys.argv[1], Path(sys.argv[2])
engine = open_engine(url)
cpu, wall = time.process_time(), time.perf_counter()
collect(url, journal)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
with engine.connect() as connection:
    count = connection.scalar(select(func.count()).select_from(spans))
print(json.dumps({"cpu": cpu / count, "rate": count / wall, "spans": count}))
"""


def rate(scale: float, url: str | None = None) -> dict[str, Any]:
    """Record W1 without filling the store, then fill it in a process that does nothing else.

    `cpu` is that process's own; a server's is not in it.
    """
    calls = max(int(WORKLOADS["w1"].calls * scale), 1)
    with tempfile.TemporaryDirectory() as folder:
        file = f"sqlite:///{folder}/spanbook.db"
        environment = os.environ | {"SPANBOOK_URL": file, "SPANBOOK_INGEST": "0"}
        record = ["-m", "benchmarks.child", "spanbook", "w1", str(calls), f"{folder}/report.json"]
        subprocess.run([sys.executable, *record], env=environment, check=True)
        output = subprocess.run(
            [sys.executable, "-c", INGEST, url or file, f"{folder}/spanbook.db.journal"],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
    return json.loads(output)


if __name__ == "__main__":
    print(rate(1.0, *sys.argv[1:2]))
