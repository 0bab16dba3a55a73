"""The page of one trace: tree, timeline, log and the chosen span in detail."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from spanbook_viewer.app import create_app
from tests.viewer.markup import Page, found
from tests.viewer.stories import Story, running


def rows(text: str) -> list[str]:
    """Return the tree's rows as `kind name`, indented by depth; others by their words."""
    lines: list[str] = []
    depth = -1
    tree = found(r'<ul class="tree".*?</section>', text)
    for piece in re.findall(r"<ul|</ul>|<li.*?(?=<ul|</li>)", tree, re.DOTALL):
        if piece == "<ul":
            depth += 1
        elif piece == "</ul>":
            depth -= 1
        else:
            words = re.findall(r'<span class="kind">(.*?)</span>', piece)
            words += re.findall(r'class="label"[^>]*>(.*?)</span>', piece)
            words = words or [found(r"<a [^>]*>([^<]*)</a>", piece)]
            lines.append("  " * depth + " ".join(words))
    return lines


def bars(text: str) -> dict[str, tuple[float, float]]:
    """Return each span's bar: where it begins and how long it is, in percent."""
    labels = re.findall(r'class="label" dir="auto">(.*?)</span></a>', text)
    places = re.findall(r'style="--l:([\d.]+)%;--w:([\d.]+)%"', text)
    return {
        label: (float(left), float(width))
        for label, (left, width) in zip(labels, places, strict=True)
    }


def test_the_tree_shows_every_span_below_its_parent(shown, client):
    text = client.get(shown.address("answer question")).text

    assert rows(text) == [
        "chain answer question",
        "  retriever policy index",
        "    embedding text-embedding-3-small",
        "    reranker cross-encoder",
        "  agent policy agent",
        "    prompt ChatPromptTemplate",
        "    llm gpt-5.6-mini",
        "    tool lookup",
        "    llm gpt-5.6-mini",
    ]
    assert Page(text).faults == []


def test_the_facts_are_those_of_the_trace_and_lead_to_its_like(shown, client):
    page = Page(client.get(shown.address("answer question")).text)

    facts = next(e for e in page.all("dl") if e.attributes.get("id") == "facts")
    words = " ".join(facts.text.split())
    assert words.startswith(
        "Status ✓ ok 1 inside Duration 4.21 s Tokens 2,732 in · 298 out · 2,048"
    )
    assert "Started 2026-05-04 09:30:00 UTC" in words
    assert "/session?id=c-17" in page.addresses()
    for link in ("user=ada", "tag=beta", "tag=shop", "release=1.4.2"):
        assert f"/traces/?{link}" in page.addresses()


def test_rows_above_a_model_call_show_the_tokens_below_them(shown, client):
    page = Page(client.get(shown.address("answer question")).text)

    tokens = [e.text for e in page.elements if e.attributes.get("class") == "number"]
    assert tokens[2:12:2] == ["3,030", "12", "12", "", "3,018"]


def test_bars_of_overlapping_children_have_a_line_each_and_stay_on_the_scale(shown, client):
    found = bars(client.get(shown.address("overlapping")).text)

    assert found == {
        "overlapping": (0.0, 95.0),
        "A": (0.0, 50.0),
        "B": (10.0, 10.0),
        "C": (30.0, 70.0),
        "D": (40.0, 50.0),
    }


def test_the_tooltip_tells_all_in_short(shown, client):
    page = Page(client.get(shown.address("answer question")).text)

    titles = [e.attributes.get("title", "") for e in page.all("a")]
    (lookup,) = [title for title in titles if title.startswith("lookup\n")]
    assert lookup.split("\n") == [
        "lookup",
        "tool · error",
        "start +1.90 s · 2026-05-04 09:30:01.900 UTC",
        "end +2.37 s · 2026-05-04 09:30:02.370 UTC",
        "duration 470 ms",
        "error KeyError",
    ]


def test_the_root_is_selected_unless_the_address_names_a_span(shown, client):
    path = shown.address("answer question")
    tool = shown.span("answer question", "lookup")

    plain, chosen = Page(client.get(path).text), Page(client.get(f"{path}?span={tool}").text)

    def selected(page):
        rows = [e for e in page.elements if e.attributes.get("aria-current") == "true"]
        heading = next(e for e in page.all("h2") if e.attributes.get("id") == "detail-heading")
        (row,) = [row for row in rows if "section" in row.inside]
        return row.text.strip(), heading.text.strip()

    assert selected(plain) == ("chain answer question", "chain answer question")
    assert selected(chosen) == ("tool lookup", "tool lookup")


def test_the_detail_of_a_failed_tool_begins_with_its_error(shown, client):
    tool = shown.span("answer question", "lookup")

    page = Page(client.get(f"{shown.address('answer question')}?span={tool}").text)

    assert [h.text for h in page.all("h3")] == [
        "Error",
        "Input",
        "Output",
        "Attributes",
        "Events",
        "Metadata",
    ]
    assert "KeyError" in page.source
    assert "Traceback" in page.source
    assert 'Requested by</dt> <dd><a href="?span=' in page.source


def test_a_chat_shows_its_messages_and_links_calls_with_results(shown, client):
    path = shown.address("answer question")
    model = shown.span("answer question", "gpt-5.6-mini")
    tool = shown.span("answer question", "lookup")

    text = client.get(f"{path}?span={model}").text

    assert re.findall(r'data-role="(\w+)"', text) == ["system", "user", "assistant"]
    assert "lookup({&#34;id&#34;: &#34;p-17&#34;})" in text
    assert f'<a class="to-result" href="?span={tool}" data-swap="detail"' in text


def test_a_call_in_a_conversation_leads_to_the_span_that_ran_it_wherever_it_is_repeated(
    shown, client
):
    path = shown.address("answer question")
    tool = shown.span("answer question", "lookup")
    models = [s for s in shown.book.trace(shown.trace("answer question")).spans if s.kind == "llm"]

    text = client.get(f"{path}?span={models[1].span_id}").text

    assert text.count(f'<a class="to-result" href="?span={tool}"') == 1


def test_a_result_in_a_conversation_links_back_to_its_call(shown, client):
    spans = shown.book.trace(shown.trace("answer question")).spans
    second = [span for span in spans if span.kind == "llm"][1]

    text = client.get(f"{shown.address('answer question')}?span={second.span_id}").text

    anchor = found(r'result of</span> <a href="#([\w-]+)">c1</a>', text)
    assert f'id="{anchor}"' in text


def test_documents_show_score_id_and_text(shown, client):
    index = shown.span("answer question", "policy index")

    text = client.get(f"{shown.address('answer question')}?span={index}").text

    assert "2 documents" in text
    assert "score 0.91" in text
    assert "Refunds within 30 days." in text


def test_an_image_is_a_thumbnail_a_sound_can_be_played_and_a_drawing_only_downloaded(shown, client):
    page = Page(client.get(shown.address("look at pictures")).text)

    (image,) = page.all("img")
    (sound,) = page.all("audio")
    assert client.get(image.attributes["src"]).mimetype == "image/png"
    assert client.get(sound.attributes["src"]).mimetype.startswith("audio/")
    assert "image/png, 70 B" in page.source
    (drawing,) = [e for e in page.all("a") if e.text.startswith("image/svg+xml")]
    answer = client.get(drawing.attributes["href"])
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_long_text_is_folded_cut_and_linked(shown, client):
    path = shown.address("long output")

    page = Page(client.get(path).text)

    assert "4,980 more lines" in page.source or "more lines" in page.source
    assert "Showing the first 200,000 of 1,000,000 characters." in page.source
    assert len(page.source) < 300_000
    (whole,) = {e.attributes["href"] for e in page.all("a") if e.text == "The whole value"}
    answer = client.get(whole)
    assert answer.content_type == "text/plain; charset=utf-8"
    assert len(answer.text) == 1_000_000


def test_raw_values_are_json_where_they_are_more_than_a_text(shown, client):
    model = shown.span("answer question", "gpt-5.6-mini")
    path = f"{shown.address('answer question')}/spans/{model}"

    assert client.get(f"{path}/output").json["messages"][0]["tool_calls"][0]["name"] == "lookup"
    assert client.get(f"{path}/attributes").json["tags"] == ["prod"]
    whole = client.get(f"{path}.json").json
    assert whole["span"]["kind"] == "llm"
    assert whole["span"]["usage"] == {"input": 1240, "output": 88, "total": 1328}
    assert whole["payload"]["has_output"] is True


@pytest.mark.parametrize("rest", ["/spans/00/input", "/spans/00.json", "?span=00", "/spans/00/x"])
def test_an_unknown_span_is_not_found(rest, shown, client):
    assert client.get(shown.address("answer question") + rest).status_code == 404


@pytest.mark.parametrize("query", ["view=flames", "hide=colour", "show=some", "stauts=ok"])
def test_an_unknown_choice_is_refused_with_a_reason(query, shown, client):
    answer = client.get(f"{shown.address('answer question')}?{query}")

    assert answer.status_code == 400
    assert "known" in answer.text.lower()


def test_an_orphan_stands_under_a_heading_of_its_own(shown, client):
    text = client.get(shown.address("with an orphan")).text

    assert rows(text) == ["chain with an orphan", "orphans", "  tool lost child"]
    assert "1 span whose parent is not recorded" in text


def test_a_deep_chain_is_shown_whole_and_readable(shown, client):
    page = Page(client.get(shown.address("deep chain")).text)

    indents = [
        int(e.attributes["style"].removeprefix("--in:"))
        for e in page.all("span")
        if e.attributes.get("style", "").startswith("--in:")
    ]
    assert len(indents) == 60
    assert indents == sorted(set(indents))
    assert indents[1] == 16
    assert indents[-1] <= 240
    assert page.faults == []


def test_hidden_kinds_leave_their_children_with_the_parent_above(shown, client):
    text = client.get(f"{shown.address('answer question')}?hide=agent,retriever,prompt").text

    assert rows(text) == [
        "chain answer question",
        "  embedding text-embedding-3-small",
        "  reranker cross-encoder",
        "  llm gpt-5.6-mini",
        "  tool lookup",
        "  llm gpt-5.6-mini",
    ]
    assert "Showing 6 of 9 spans." in text


def test_only_errors_shows_the_failed_spans_and_the_way_to_them(shown, client):
    text = client.get(f"{shown.address('answer question')}?show=errors").text

    assert rows(text) == ["chain answer question", "  agent policy agent", "    tool lookup"]


def test_nothing_left_to_show_is_said(shown, client):
    assert "No span is left" in client.get(f"{shown.address('overlapping')}?show=errors").text


def test_the_legend_names_the_kinds_and_switches_them(shown, client):
    page = Page(client.get(f"{shown.address('answer question')}?hide=llm").text)

    legend = {
        e.attributes["title"]: e.attributes["href"]
        for e in page.all("a")
        if "data-swap" in e.attributes and e.attributes.get("title", "").endswith("llm")
    }
    assert legend == {"Show spans of kind llm": "?"}
    assert "?hide=llm,tool" in page.addresses()


def test_a_big_trace_shows_fifty_children_and_says_how_many_more(shown, client):
    text = client.get(shown.address("wide 7x100")).text

    assert rows(text)[:2] == ["agent wide 7x100", "  chain group 0"]
    assert rows(text).count("    and 50 more") == 7
    assert "Showing 358 of 708 spans." in text


def test_the_rest_of_the_children_is_behind_a_link_that_needs_no_script(shown, client):
    path = shown.address("wide 7x100")
    more = next(e for e in Page(client.get(path).text).all("a") if e.text == "and 50 more")

    text = client.get(path + more.attributes["href"]).text

    assert rows(text).count("    and 50 more") == 6
    assert "Showing 408 of 708 spans." in text


def test_very_many_children_come_in_pages(shown, client):
    path = shown.address("flat 700")

    def follow(path, words):
        page = Page(client.get(path).text)
        link = next(e for e in page.all("a") if e.text == words)
        return path.partition("?")[0] + link.attributes["href"]

    second = follow(path, "and 650 more")
    third = follow(second, "and 200 more")
    assert rows(client.get(third).text)[1:3] == ["  500 before", "  tool child 500"]
    assert rows(client.get(third).text)[-1] == "  tool last child"


def test_a_selected_span_is_shown_however_far_down_it_is(shown, client):
    last = shown.span("flat 700", "last child")

    text = client.get(f"{shown.address('flat 700')}?span={last}").text

    assert "  tool last child" in rows(text)
    assert "  650 before" in rows(text)


def test_the_next_error_is_a_link_even_to_a_span_that_is_not_shown(shown, client):
    page = Page(client.get(shown.address("flat 700")).text)

    (link,) = [e for e in page.all("a") if e.attributes.get("data-key") == "e"]
    assert link.attributes["href"] == f"?span={shown.span('flat 700', 'last child')}"


def test_no_part_of_a_wide_trace_uses_up_the_space(shown, client):
    text = client.get(shown.address("wide 20x100")).text

    assert [row for row in rows(text) if row.startswith("  chain")] == [
        f"  chain group {group}" for group in range(20)
    ]
    assert text.count(">100 inside</a>") == 11
    assert "Showing 471 of 2,021 spans." in text


def test_the_log_tells_starts_ends_and_events_in_the_order_of_time(shown, client):
    page = Page(client.get(f"{shown.address('answer question')}?view=log").text)

    lines = [" ".join(row.text.split()) for row in page.all("tr")[1:]]
    assert lines[0] == "+0 ms start chain answer question"
    assert "+2.37 s ✕ error tool lookup KeyError 470 ms" in lines
    assert lines[-1] == "+4.21 s ✓ ok chain answer question 4.21 s"
    assert len(lines) == 18


def test_the_log_of_a_big_trace_comes_in_pages(shown, client):
    path = shown.address("flat 700")

    first = client.get(f"{path}?view=log").text
    second = client.get(f"{path}?view=log&entry=500").text

    assert "Showing 1–500 of 1,402 entries." in first
    assert 'href="?view=log&amp;entry=500' in first
    assert "Showing 501–1,000 of 1,402 entries." in second


def test_neighbours_follow_the_list_that_the_page_was_reached_from(shown, client):
    page = Page(client.get(f"{shown.address('look at pictures')}?kind=llm").text)

    keys = {e.attributes.get("data-key"): e.attributes["href"] for e in page.all("a")}
    neighbour = f"/traces/{shown.trace('long output')}?kind=llm"
    assert neighbour in (keys.get("["), keys.get("]"))
    assert "/traces/?kind=llm" in page.addresses()


def test_the_whole_trace_is_there_as_data_and_what_changed_since(shown, client):
    path = f"{shown.address('answer question')}.json"

    found = client.get(path).json
    later = client.get(path, query_string={"since": found["token"]}).json

    assert found["trace"]["name"] == "answer question"
    assert len(found["spans"]) == 9
    assert found["spans"][0]["start"] == "2026-05-04T09:30:00Z"
    assert later["spans"] == []


def test_a_running_span_grows_to_the_present(recorder, book):
    story = running(recorder, datetime.now(UTC) - timedelta(seconds=10))
    assert recorder.flush(10)
    (trace,) = book.traces()
    client = create_app(book).test_client()

    before = client.get(f"/traces/{trace.trace_id}").text
    story.end("open", 500)
    story.end("root", 1000)
    assert recorder.flush(10)
    after = client.get(f"/traces/{trace.trace_id}").text

    assert 'id="spans" aria-label="Spans" data-live' in before
    assert "● running" in before
    assert bars(before)["still running"][1] == 100
    assert "data-live" not in after
    assert bars(after)["thinking"] == (0.6, 49.4)


def test_events_are_shown_with_their_time(recorder, book):
    story = Story(recorder, "eventful")
    story.begin("root", "chain", 0)
    recorder.event(story.key("root"), "retry", {"attempt": 2}, at=story.at(40))
    story.end("root", 100)
    assert recorder.flush(10)
    (trace,) = book.traces()
    client = create_app(book).test_client()

    detail = " ".join(Page(client.get(f"/traces/{trace.trace_id}").text).all("ol")[0].text.split())
    log = client.get(f"/traces/{trace.trace_id}?view=log").text

    assert detail == "+40 ms retry {} 1attempt 2"
    assert "retry" in log
    assert "+40 ms" in log


def test_parts_of_the_page_come_without_the_page_around_them(shown, client):
    path = shown.address("answer question")

    live, detail = (client.get(f"{path}?part={part}").text for part in ("live", "detail"))

    def ids(text):
        return [e.attributes["id"] for e in Page(text).elements if "id" in e.attributes]

    assert ids(live)[:4] == ["facts", "tools", "find", "spans"]
    assert ids(detail) == ["tools", "find", "detail", "detail-heading"]
    assert "<html" not in live + detail


def scale(text: str) -> tuple[list[str], str]:
    """Return the labels of the time scale, and the part of it that is drawn."""
    labels = found(r'class="scale">(.*?)</span></div>', text)
    return re.findall(r"<span>(.*?)</span>", labels + "</span>"), found(r"(--from.*?)\"", text)


def test_the_address_chooses_a_part_of_the_time_scale(shown, client):
    path = shown.address("overlapping")

    whole, part = (client.get(path + query).text for query in ("", "?from=250&to=500"))

    assert scale(whole) == (["0 ms", "500 ms", "1.00 s"], "--from:0.000000%;--zoom:1.000000")
    assert scale(part) == (["250 ms", "375 ms", "500 ms"], "--from:25.000000%;--zoom:4.000000")
    assert bars(part) == bars(whole)
    assert 'href="?from=250&amp;to=500&amp;span=' in part


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("from=900", ["900 ms", "950 ms", "1.00 s"]),
        ("to=100", ["0 ms", "50 ms", "100 ms"]),
        ("from=-500&to=9000", ["0 ms", "500 ms", "1.00 s"]),
    ],
)
def test_a_part_of_the_time_scale_stays_on_it(query, labels, shown, client):
    assert scale(client.get(f"{shown.address('overlapping')}?{query}").text)[0] == labels


@pytest.mark.parametrize("query", ["from=x", "to=nan", "from=inf", "from=5&to=5"])
def test_what_is_no_part_of_a_time_scale_is_refused(query, shown, client):
    assert client.get(f"{shown.address('overlapping')}?{query}").status_code == 400


def test_zooming_needs_no_script(shown, client):
    path = shown.address("overlapping")
    wanted = shown.span("overlapping", "C")

    page = Page(client.get(f"{path}?span={wanted}&from=200&to=600").text)

    links = {
        e.attributes["data-zoom"]: e.attributes["href"]
        for e in page.all("a")
        if "data-zoom" in e.attributes
    }
    assert links["in"] == f"?from=300&to=500&span={wanted}"
    assert links["out"] == f"?from=0&to=800&span={wanted}"
    assert links["span"] == f"?from=272&to=1000&span={wanted}"
    assert links["whole"] == f"?span={wanted}"


def hits(text: str) -> list[tuple[str, str]]:
    """Return the names of the marked rows and where they hold what is looked for."""
    return re.findall(
        r'class="label" dir="auto">([^<]*)</span></a>[^/]*<span class="found">in (\w+)', text
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CROSS", [("cross-encoder", "name")]),
        ("gpt-4o", [("gpt-5.6-mini", "model"), ("gpt-5.6-mini", "model")]),
        ("tickets", [("policy index", "output")]),
        ("Documents Only", [("gpt-5.6-mini", "input"), ("gpt-5.6-mini", "input")]),
        ("prod", [("gpt-5.6-mini", "attributes")]),
        ("nowhere at all", []),
    ],
)
def test_a_text_is_found_in_names_and_payloads(text, expected, shown, client):
    page = client.get(shown.address("answer question"), query_string={"find": text}).text

    assert hits(page) == expected
    assert f"{len(expected)} span{'' if len(expected) == 1 else 's'}</span>" in page


def test_found_spans_are_numbered_and_lead_to_each_other(shown, client):
    path = shown.address("answer question")
    spans = shown.book.trace(shown.trace("answer question")).spans
    first, second = [span.span_id for span in spans if span.kind == "llm"]

    text = client.get(f"{path}?find=gpt&span={first}").text

    keys = {e.attributes.get("data-key"): e.attributes for e in Page(text).all("a")}
    assert "1 of 2 spans" in text
    assert keys["n"]["href"] == keys["N"]["href"] == f"?find=gpt&span={second}"


def test_a_text_is_found_in_long_outputs_and_in_a_span_that_is_not_shown(shown, client):
    book = client.get(f"{shown.address('long output')}?find=no+play+makes").text
    page = Page(client.get(f"{shown.address('flat 700')}?find=last+one").text)

    assert hits(book) == [("long output", "output")]
    (link,) = [e for e in page.all("a") if e.attributes.get("data-key") == "n"]
    assert link.attributes["href"].endswith(shown.span("flat 700", "last child"))


def test_hostile_text_that_is_looked_for_stays_text(shown, client):
    answer = client.get(shown.address("answer question"), query_string={"find": '"><script>%*'})

    assert "<script>%" not in answer.text
    assert "0 spans" in answer.text


def test_a_big_page_begins_before_its_tree_is_read(shown, client):
    pieces = iter(client.get(shown.address("wide 20x100"), buffered=False).response)

    first = next(pieces).decode()

    assert 'id="facts"' in first
    assert 'id="spans"' not in first
    assert 'id="spans"' in b"".join(pieces).decode()
