"""What is known of the running program, for the run that its traces belong to."""

import os
import platform
import re
import socket
import sys
from pathlib import Path
from typing import Any

from spanbook.settings import Settings

_INSTALLED = re.compile(r"([^-]+)-([^-]+)\.dist-info")
_MOST_PACKAGES = 1_000


def process_record(run_id: str, settings: Settings, start: int) -> dict[str, Any]:
    """Return the journal record that opens each segment of this process."""
    return {
        "type": "process",
        "version": 1,
        "run": run_id,
        **surroundings(settings),
        "start": start,
        **({} if settings.ingest else {"ingest": False}),  # it only appends
    }


def surroundings(settings: Settings) -> dict[str, Any]:
    """Return what is known of the process that records: where, by which code, for what."""
    commit = git_commit(Path.cwd())
    command = Path(sys.argv[0]).name if getattr(sys, "argv", None) and sys.argv[0] else ""
    record: dict[str, Any] = {
        "name": settings.name or command or "python",
        "project": settings.project,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "command": command,
        "python": platform.python_version(),
        "commit": commit,
        "release": settings.release or commit,
        "environment": settings.environment,
    }
    return {name: value for name, value in record.items() if value is not None}


def packages() -> list[str]:
    """Return what is installed as `name==version`, by the names of the folders that say so.

    So it takes a millisecond, and not the reading of every package's metadata.
    """
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208  # a Path for each would cost more
        except OSError:
            continue
        for name in names:
            match = _INSTALLED.fullmatch(name)
            if match is not None:
                found.setdefault(match[1].lower().replace("_", "-"), match[2])
    return [f"{name}=={version}" for name, version in sorted(found.items())][:_MOST_PACKAGES]


def git_commit(folder: Path) -> str | None:
    """Return the commit checked out in the repository around `folder`, without asking git."""
    try:
        for parent in (folder, *folder.parents):
            git = parent / ".git"
            if git.is_file():  # a work tree of its own: the file says where its repository is
                git = parent / git.read_text().removeprefix("gitdir: ").strip()
            if git.is_dir():
                return _read_head(git)
    except OSError:
        return None
    return None


def _read_head(git: Path) -> str | None:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head or None
    ref = head.removeprefix("ref: ")
    common = git / "commondir"  # where the branches are, of a work tree of its own
    git = git / common.read_text().strip() if common.is_file() else git
    if (git / ref).is_file():
        return (git / ref).read_text().strip()
    packed = git / "packed-refs"
    lines = packed.read_text().splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(" " + ref)), None)
