"""The installed `spanbook` script, run as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def spanbook(tmp_path: Path) -> Command:
    """Run `spanbook` in an empty folder; keyword arguments are environment variables."""
    script = Path(sys.executable).with_name("spanbook")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SPANBOOK")}

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [script, *arguments],
            cwd=tmp_path,
            env=clean | {"SPANBOOK_EXAMPLES_PACE": "0"} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
