"""Tracing: how one client, and the copies that are made of it, are recorded."""

from spanbook.recording.defaults import default_recorder
from spanbook.recording.recorder import Recorder


class Tracing:
    """The settings of wrapped clients, shared with their copies.

    `ask_usage`: ask OpenAI for the usage of chat streams. `vectors`: keep embeddings themselves.
    `active` is false once what was installed for the process has been taken back.
    """

    def __init__(
        self, recorder: Recorder | None = None, *, ask_usage: bool = False, vectors: bool = False
    ) -> None:
        self.ask_usage = ask_usage
        self.vectors = vectors
        self.active = True
        self._recorder = recorder

    @property
    def recorder(self) -> Recorder:
        """The recorder that calls are reported to: by default the process's at that time."""
        return self._recorder or default_recorder()
