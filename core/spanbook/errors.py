"""The errors that Spanbook raises: one small tree, each message says what to do."""


class SpanbookError(Exception):
    """Anything that Spanbook refuses to do. Never raised into a traced program."""


class SettingsError(SpanbookError, ValueError):
    """A setting that cannot be used, such as an unknown database URL or a sample rate of 2."""


class ArgumentError(SpanbookError, ValueError):
    """An argument of the user's own call that cannot be used, such as an id with too few digits."""


class StoreError(SpanbookError):
    """A database that cannot be opened, read or written."""


class SlowStoreError(StoreError):
    """A database that took longer over one question than it may."""


class NewerStoreError(StoreError):
    """A database written by a newer Spanbook than this one."""


class JournalError(SpanbookError):
    """A journal directory that cannot be written, or a segment that cannot be read."""


class PriceError(SpanbookError, ValueError):
    """A price that cannot be one, such as a negative rate or one for no part of the usage."""


class FilterError(SpanbookError, ValueError):
    """A filter with an unknown field or a value that does not fit the field."""


class ExpressionError(FilterError):
    """A filter in words that cannot be read: `what` is wrong with `text` from `start` to `end`."""

    def __init__(self, what: str, text: str, start: int, end: int) -> None:
        place = "at its end" if start >= len(text) else f"at character {start + 1}"
        end_mark = "" if what.endswith(("?", ".")) else "."
        super().__init__(f"The expression cannot be read {place}: {what}{end_mark}")
        self.text = text
        self.start = start
        self.end = end


class UnknownRunError(SpanbookError, LookupError):
    """A run id that the store does not hold."""


class UnknownArchitectureError(SpanbookError, LookupError):
    """A hash of an architecture that the store does not hold."""


class UnknownVersionError(SpanbookError, LookupError):
    """A hash of a function's version that the store does not hold."""


class UnknownTraceError(SpanbookError, LookupError):
    """A trace or span id that the store does not hold."""


class TraceFileError(SpanbookError, ValueError):
    """A file that holds no trace, a damaged one, or one of a newer Spanbook."""
