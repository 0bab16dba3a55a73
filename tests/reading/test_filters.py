"""Filters: what an address asks for, and the address of a filter."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from werkzeug.datastructures import MultiDict

from spanbook.errors import FilterError
from spanbook.reading.cursors import Cursor, pack
from spanbook.reading.filters import TraceFilter
from spanbook.spans import SpanKind, Status


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("status", "error", (Status.ERROR,)),
        ("kind", "llm", SpanKind.LLM),
        ("tag", "beta", ("beta",)),
        ("name", "answer", "answer"),
        ("session", "(none)", "(none)"),
        ("min_duration", "200ms", timedelta(milliseconds=200)),
        ("min_duration", "1.5s", timedelta(seconds=1.5)),
        ("min_duration", "2m", timedelta(minutes=2)),
        ("max_duration", "3", timedelta(seconds=3)),
        ("max_duration", ".5", timedelta(seconds=0.5)),
        ("min_tokens", "1000", 1000),
        ("min_cost", "0.05", Decimal("0.05")),
        ("max_cost", "$2", Decimal(2)),
        ("has_error", "yes", True),
        ("has_error", "0", False),
        ("since", "15m", timedelta(minutes=15)),
        ("since", "30d", timedelta(days=30)),
        ("since", "2026-05-01", datetime(2026, 5, 1, tzinfo=UTC)),
        ("until", "2026-05-01T12:00+02:00", datetime(2026, 5, 1, 10, tzinfo=UTC)),
        ("until", "2026-05-01T12:00 02:00", datetime(2026, 5, 1, 10, tzinfo=UTC)),
        ("until", "2026-05-01T12:00:00.25Z", datetime(2026, 5, 1, 12, 0, 0, 250000, tzinfo=UTC)),
    ],
)
def test_an_argument_is_read_as_its_value(name: str, text: str, value: object):
    assert getattr(TraceFilter.from_args({name: text}), name) == value


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"stauts": "error"}, "Unknown filter 'stauts'. Did you mean status?"),
        ({"qqqqq": "x"}, "Unknown filter 'qqqqq'. Known are project, status"),
        ({"status": "eror"}, "status is 'eror'. Did you mean error?"),
        ({"kind": "xyz"}, "kind is 'xyz'. Known are chain, agent"),
        ({"min_duration": "fast"}, "min_duration is 'fast'; give a duration"),
        ({"min_duration": "-1s"}, "min_duration is '-1s'"),
        ({"max_duration": "9" * 30}, "too long"),
        ({"since": "yesterday"}, "since is 'yesterday'; give an age"),
        ({"since": "99999d"}, "too long ago"),
        ({"until": "15"}, "until is '15'"),
        ({"min_tokens": "-1"}, "min_tokens is '-1'; give a whole number"),
        ({"min_tokens": "9" * 19}, "min_tokens is"),
        ({"min_cost": "NaN"}, "min_cost is 'NaN'; give US dollars"),
        ({"max_cost": "1e30"}, "max_cost is"),
        ({"has_error": "maybe"}, "has_error is 'maybe'; give true or false."),
        ({"name": "a\x00b"}, "name holds a character"),
        ({"q": "\ud800"}, "q holds a character"),
        ({"limit": "0"}, "limit is 0; give a number from 1 to 1000."),
        ({"sort": "costs"}, "Cannot sort by 'costs'. Did you mean cost?"),
        ({"order": "up"}, "order is 'up'; give asc or desc."),
        ({"after": "nonsense"}, "The cursor 'nonsense' is not one of ours"),
        ({"before": "é"}, "is not one of ours"),
    ],
)
def test_a_wrong_argument_is_refused_with_what_is_possible(args: dict[str, str], message: str):
    with pytest.raises(FilterError) as caught:
        TraceFilter.from_args(args)

    assert message in str(caught.value)


def test_empty_arguments_ask_for_nothing():
    args = {"name": "", "status": " ", "since": "", "sort": "", "after": "", "min_cost": ""}

    assert TraceFilter.from_args(args) == TraceFilter()


def test_status_and_tag_may_be_given_several_times_and_others_once():
    args: MultiDict[str, str] = MultiDict(
        [("status", "ok"), ("status", "error"), ("tag", "a"), ("tag", "b")]
    )

    filter = TraceFilter.from_args(args)

    assert filter.status == (Status.OK, Status.ERROR)
    assert filter.tag == ("a", "b")
    with pytest.raises(FilterError, match="name is given 2 times"):
        TraceFilter.from_args(MultiDict([("name", "a"), ("name", "b")]))


def test_names_of_others_are_left_alone_when_told():
    assert TraceFilter.from_args({"columns": "name"}, ignore=("columns",)) == TraceFilter()


@pytest.mark.parametrize(
    ("args", "order"),
    [
        ({}, ("start", True)),
        ({"sort": "-cost"}, ("cost", True)),
        ({"sort": "cost"}, ("cost", False)),
        ({"sort": "cost", "order": "desc"}, ("cost", True)),
        ({"order": "asc"}, ("start", False)),
    ],
)
def test_the_order_is_a_word_and_a_direction(args: dict[str, str], order: tuple[str, bool]):
    filter = TraceFilter.from_args(args)

    assert (filter.sort, filter.descending) == order


def test_an_address_reads_as_the_filter_that_wrote_it():
    cursor = Cursor("cost", False, None, 5, 7)
    filter = TraceFilter(
        project="shop",
        status=(Status.OK, Status.RUNNING),
        name="Frühstück & 100 %",
        kind=SpanKind.AGENT,
        tag=("a", "b"),
        since=timedelta(minutes=90),
        until=datetime(2026, 5, 1, 1, 2, 3, 456789, tzinfo=UTC),
        q='"quoted" AND (x',
        min_duration=timedelta(microseconds=1500),
        max_duration=timedelta(hours=36),
        min_tokens=0,
        min_cost=Decimal("0.000001"),
        max_cost=Decimal(100),
        has_error=False,
        sort="cost",
        descending=False,
        after=cursor.encode(),
        limit=7,
    )

    args = filter.to_args()

    assert TraceFilter.from_args(args) == filter
    assert args["since"] == ["90m"]
    assert args["min_cost"] == ["0.000001"]
    assert args["max_cost"] == ["100"]


def test_the_plain_filter_has_an_empty_address():
    assert TraceFilter().to_args() == {}


def test_python_values_are_taken_as_they_are():
    filter = TraceFilter.of(
        status=[Status.ERROR, "running"], since="1d", min_cost=0.00001, min_duration=2, kind=None
    )

    assert filter.status == (Status.ERROR, Status.RUNNING)
    assert filter.since == timedelta(days=1)
    assert filter.min_cost == Decimal("0.00001")
    assert filter.min_duration == timedelta(seconds=2)


@pytest.mark.parametrize(
    "data",
    [
        ["start", True, None, 1.5, 1],
        ["start", True, "x", 2**63, 1],
        ["start", True, 2**70, 1, 1],
        ["start", True, [], 1, 1],
        ["start", True, True, 1, 1],
        ["start", True, 1, 1],
        {"start": 1},
        None,
    ],
)
def test_a_forged_cursor_is_refused(data: object):
    with pytest.raises(FilterError):
        Cursor.decode(pack(data) if not isinstance(data, list) or 2**70 not in data else "x",
                      "start", True)  # fmt: skip


def test_a_cursor_belongs_to_its_order():
    cursor = Cursor("cost", True, 5, 1, 1).encode()

    with pytest.raises(FilterError, match="another order"):
        TraceFilter(after=cursor)
    with pytest.raises(FilterError, match="not both"):
        TraceFilter(sort="cost", after=cursor, before=cursor)
