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


class UnknownRunError(SpanbookError, LookupError):
    """A run id that the store does not hold."""


class UnknownTraceError(SpanbookError, LookupError):
    """A trace or span id that the store does not hold."""


class TraceFileError(SpanbookError, ValueError):
    """A file that holds no trace, a damaged one, or one of a newer Spanbook."""
