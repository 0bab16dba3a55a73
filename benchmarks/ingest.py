"""How fast a store takes in a journal."""

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.workloads import WORKLOADS

INGEST = """
import json, sys, time
from sqlalchemy import func, select
from spanbook.store.database import open_engine
from spanbook.store.schema import spans
from spanbook.store.takeover import collect
url = sys.argv[1]
engine = open_engine(url)
cpu, wall = time.process_time(), time.perf_counter()
collect(url)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
with engine.connect() as connection:
    count = connection.scalar(select(func.count()).select_from(spans))
print(json.dumps({"cpu": cpu / count, "rate": count / wall, "spans": count}))
"""


def rate(scale: float) -> dict[str, Any]:
    """Record W1 without filling the store, then fill it in a process that does nothing else."""
    calls = max(int(WORKLOADS["w1"].calls * scale), 1)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/spanbook.db"
        environment = os.environ | {"SPANBOOK_URL": url, "SPANBOOK_INGEST": "0"}
        record = ["-m", "benchmarks.child", "spanbook", "w1", str(calls), f"{folder}/report.json"]
        subprocess.run([sys.executable, *record], env=environment, check=True)
        output = subprocess.run(
            [sys.executable, "-c", INGEST, url], check=True, stdout=subprocess.PIPE, text=True
        ).stdout
    return json.loads(output)
