"""Server-sent events: from pieces of a body, cut anywhere, to the data of each event."""


class EventReader:
    """Cuts a body into events. Their names are not needed: the data repeats them."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the data of the events that `data` completes."""
        found: list[bytes] = []
        for block in self._blocks(data):
            if block.startswith(b"data: ") and b"\n" not in block:
                found.append(block[6:])
            else:
                found += _event(block)
        return found

    def finish(self) -> list[bytes]:
        """Return the event that the body ended in, if its last line end is all that is missing."""
        rest, self._rest = self._rest.strip(b"\r\n"), b""
        return _event(rest.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))

    def _blocks(self, data: bytes) -> list[bytes]:
        data = self._rest + data if self._rest else data
        kept = b""
        if b"\r" in data:
            if data.endswith(b"\r"):  # perhaps the first half of a line end
                data, kept = data[:-1], b"\r"
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        blocks = data.split(b"\n\n")
        self._rest = blocks.pop() + kept
        return blocks


def _event(block: bytes) -> list[bytes]:
    lines = block.split(b"\n")
    data = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    return [b"\n".join(data)] if data else []
