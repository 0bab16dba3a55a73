"""Trees side by side: what is the same stands in one row."""

from spanbook.reading.alignment import align
from spanbook.reading.rows import SpanRow
from spanbook.spans import SpanKind, Status


def tree(trace: str, *names: str) -> list[SpanRow]:
    """Return spans named by their paths, `a/b` below `a`."""
    ids = {name: f"{trace}{number}" for number, name in enumerate(names)}
    return [
        SpanRow(
            trace,
            ids[name],
            ids.get(name.rpartition("/")[0]),
            SpanKind.STEP,
            name.rpartition("/")[2].rstrip("'"),
            Status.OK,
            number,
            number + 1,
        )
        for number, name in enumerate(names)
    ]


def outline(*traces: list[SpanRow]) -> list[str]:
    return [
        "  " * row.depth
        + row.span.name
        + " "
        + "".join("-" if span is None else "x" for span in row.spans)
        + (" moved" if row.moved else "")
        for row in align(traces)
    ]


def test_spans_are_matched_by_name_and_position():
    a = tree("a", "r", "r/one", "r/two", "r/two/in", "r/two'")
    b = tree("b", "r", "r/one", "r/new", "r/two", "r/two/in", "r/two'")

    assert outline(a, b) == ["r xx", "  one xx", "  new -x", "  two xx", "    in xx", "  two xx"]


def test_what_one_trace_lacks_keeps_its_place():
    a = tree("a", "r", "r/one", "r/two", "r/three")
    b = tree("b", "r", "r/three")

    assert outline(a, b) == ["r xx", "  one x-", "  two x-", "  three xx"]


def test_a_span_in_another_order_has_moved():
    a = tree("a", "r", "r/one", "r/two", "r/three")
    b = tree("b", "r", "r/two", "r/three", "r/one")

    assert outline(a, b) == ["r xx", "  one x- moved", "  two xx", "  three xx", "  one -x moved"]


def test_roots_are_matched_whatever_they_are_called():
    assert outline(tree("a", "r", "r/x"), tree("b", "s", "s/x")) == ["r xx", "  x xx"]


def test_three_traces_stand_in_one_alignment():
    a, b, c = tree("a", "r", "r/x"), tree("b", "r", "r/y"), tree("c", "r", "r/x", "r/y")

    assert outline(a, b, c) == ["r xxx", "  x x-x", "  y -xx"]


def test_every_span_stands_in_exactly_one_row_however_deep():
    short = tree("b", "r", "r/r")
    long = [
        SpanRow("a", str(n), str(n - 1) if n else None, SpanKind.STEP, "r", Status.OK, n, n + 1)
        for n in range(3_000)
    ]

    rows = align([long, short])

    assert [row.spans[0] for row in rows] == long
    assert [row.spans[1] for row in rows if row.spans[1]] == short
