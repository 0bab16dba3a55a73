"""Joining: what one batch says about each span, its start and its end taken together."""

from typing import Any, cast

from spanbook.spans import Status
from spanbook.store.blocks import Block
from spanbook.store.records import Record, TraceRecords
from spanbook.store.rows import StoredSpan
from spanbook.store.wording import clean

_RUNNING, _INCOMPLETE = str(Status.RUNNING), str(Status.INCOMPLETE)
_NONE: frozenset[bytes] = frozenset()
_Tokens = int | None
_UsageColumns = tuple[
    *tuple[_Tokens, _Tokens, _Tokens, _Tokens, _Tokens, _Tokens, _Tokens, _Tokens],
    bool | None,
    bool | None,
]
_NO_USAGE: _UsageColumns = (None, None, None, None, None, None, None, None, None, None)
_FROM_START = ("parent", "run", "model", "provider", "function", "input", "input_preview")


class SpanNews:
    """What a batch says about one span: its record, the end completed by the start."""

    __slots__ = ("block", "ended", "record", "started")

    def __init__(self, record: Record, started: bool, ended: bool) -> None:
        self.record = record
        self.started = started
        self.ended = ended
        self.block: Block | None = None  # its payload


def join(records: TraceRecords) -> list[SpanNews]:
    """Return the news of each span of a trace, in order of their starts."""
    news: list[SpanNews] = []
    starts = records.starts
    for span_id, end in records.ends.items():
        start = starts.pop(span_id, None)
        if start is not None:
            _complete(end, start)
        news.append(SpanNews(end, start is not None, True))
    news += [SpanNews(start, True, False) for start in starts.values()]
    news.sort(key=_start_of)
    return news


def _start_of(news: SpanNews) -> int:
    return news.record["start"]


def _complete(end: Record, start: Record) -> None:
    """Give an end what only the start says."""
    for key in _FROM_START:
        if key in start:
            end.setdefault(key, start[key])
    if "line" in start:
        end["start_line"] = start["line"]
    if "uses" in start:
        end["uses"] = start["uses"] | end.get("uses", _NONE)
    if "attributes" in start:
        known = start["attributes"]
        added = end.get("attributes")
        end["attributes"] = {**known, **added} if added else known


def new_row(
    news: SpanNews, pk: int, trace_pk: int, run_pk: int | None, block: int | None
) -> StoredSpan:
    """Return the row of a span that the store has not seen."""
    record = news.record
    get = record.get
    started = block if news.started else None
    if not news.ended:
        status, end, end_block = _RUNNING, None, None
    else:
        status, end_block = record["status"], block
        end = None if status == _INCOMPLETE else record["end"]  # when is not known
    error = get("error")
    usage = get("usage")
    model, provider = get("model"), get("provider")
    row = StoredSpan(
        pk,
        trace_pk,
        run_pk,
        record["span"],
        get("parent"),
        record["kind"],
        clean(record["name"]) or "",
        status,
        record["start"],
        end,
        get("first_token"),
        clean(model) if model else None,
        clean(provider) if provider else None,
        *(_NO_USAGE if usage is None else _usage_columns(usage, counted=get("counted", True))),
        None,
        _error_type(error) if error else None,
        started,
        end_block,
    )
    charged = get("charged")  # of an imported span, whose cost is known
    return row if charged is None else row._replace(**charged)


def _usage_columns(usage: Any, *, counted: Any) -> _UsageColumns:
    get = cast("dict[str, int]", usage).get
    return (
        get("input", 0),
        get("output", 0),
        get("cache_read", 0),
        get("cache_write", 0),
        get("audio_input", 0),
        get("image_input", 0),
        get("reasoning", 0),
        get("audio_output", 0),
        bool(get("estimated", False)),
        bool(counted),
    )


def _error_type(error: Any) -> str | None:
    return clean(cast("dict[str, Any]", error).get("type")) if type(error) is dict else None


def is_news(old: StoredSpan, news: SpanNews) -> bool:
    """Say whether `news` changes the row `old`: a first end does, or a start that was missing."""
    return _is_end(old, news) or _is_late_start(old, news)


def _is_end(old: StoredSpan, news: SpanNews) -> bool:
    """Say whether the end counts: the first does, and a real one replaces `incomplete`."""
    return news.ended and not old.is_finished and old.status != news.record["status"]


def _is_late_start(old: StoredSpan, news: SpanNews) -> bool:
    return news.started and old.start_block is None and news.block is not None


def next_row(old: StoredSpan, news: SpanNews, block: int | None) -> StoredSpan:
    """Return the row that takes the place of `old`, given that `is_news`."""
    if not _is_end(old, news):
        return old._replace(start_block=block)
    new = new_row(news, old.pk, old.trace_pk, old.run_pk, block)
    return new._replace(
        parent_id=new.parent_id or old.parent_id,
        first_token_ns=new.first_token_ns or old.first_token_ns,
        model=new.model or old.model,
        provider=new.provider or old.provider,
        start_block=new.start_block if old.start_block is None else old.start_block,
        version_pk=old.version_pk,
    )
