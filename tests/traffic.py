"""Where recorded traffic of providers is, if there is any: it is not part of this repository."""

import os
from pathlib import Path

_BESIDE = Path(__file__).parent.parent.parent / "shared" / "recordings"

FOLDER = Path(os.environ.get("SPANBOOK_RECORDINGS") or _BESIDE)
MISSING = "no recorded traffic: set SPANBOOK_RECORDINGS to its folder"
