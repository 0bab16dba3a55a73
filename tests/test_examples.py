"""The examples and the code in the documentation do what they say."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from textwrap import dedent

import pytest

import spanbook_llama_index
from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook.settings import _VARIABLES  # pyright: ignore[reportPrivateUsage]  # the table
from spanbook_examples import demo
from spanbook_examples.offline import ScriptedChatModel, WordEmbeddings, call, count_tokens
from tests.outlines import outline

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def at_once_and_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPANBOOK_EXAMPLES_PACE", "0")
    monkeypatch.setenv("SPANBOOK_EXAMPLES_OFFLINE", "1")


@pytest.fixture(autouse=True)
def installed_for_one_test() -> Iterator[None]:
    yield
    spanbook_llama_index.uninstall()


# The workflow runtime looks at every attribute of an agent to find its steps.
LOOKS_AT_EVERYTHING = "ignore::pydantic.PydanticDeprecationWarning"


def play(scene: str) -> None:
    import_module(f"spanbook_examples.{scene}").main()


@pytest.mark.parametrize("scene", demo.SCENES)
@pytest.mark.filterwarnings(LOOKS_AT_EVERYTHING)
def test_an_example_prints_something_and_is_recorded(
    scene: str, recorder: Recorder, capsys: pytest.CaptureFixture[str]
):
    play(scene)

    assert outline(recorder)
    assert capsys.readouterr().out


def test_the_agent_recovers_from_a_tool_that_fails(recorder: Recorder):
    play("agent")

    assert outline(recorder) == dedent("""\
        agent parcel agent
          chain model
            llm ScriptedChatModel
          chain tools
            tool find_order
          chain model
            llm ScriptedChatModel
          chain tools
            tool ask_carrier !ToolException
          chain model
            llm ScriptedChatModel
          chain tools
            tool last_scan
          chain model
            llm ScriptedChatModel""")


def test_a_query_engine_is_one_tree_after_its_index(recorder: Recorder):
    play("documents")

    assert outline(recorder) == dedent("""\
        step build index
          step SentenceSplitter
          embedding WordVectors""") + 3 * dedent("""\

        chain RetrieverQueryEngine
          retriever VectorIndexRetriever
            embedding WordVectors
          reranker WordReranker
          synthesizer CompactAndRefine
            llm ScriptedLLM""")


def test_the_steps_of_a_workflow_stand_side_by_side(recorder: Recorder):
    play("workflow")

    assert sorted(outline(recorder).splitlines()) == sorted(
        [
            "chain Mailroom",
            "  step open_mail",
            *["  step sort_letter", "    llm ScriptedLLM"] * 3,
            *["  step sum_up"] * 3,
            "    llm ScriptedLLM",
        ]
    )


@pytest.mark.filterwarnings(LOOKS_AT_EVERYTHING)
def test_a_team_of_agents_hands_over_in_one_trace(recorder: Recorder):
    play("team")

    assert outline(recorder) == dedent("""\
        agent AgentWorkflow
          agent researcher
            llm ScriptedLLM
          tool find_flight
          agent researcher
            llm ScriptedLLM
          tool ask_weather !TimeoutError
          agent researcher
            llm ScriptedLLM
          tool handoff
          agent writer
            llm ScriptedLLM""")


def test_functions_and_a_chain_are_one_trace(recorder: Recorder):
    play("functions")

    assert outline(recorder) == dedent("""\
        step digest
          retriever find_tickets
          reranker shortest first
          chain RunnableSequence
            prompt ChatPromptTemplate
            llm ScriptedChatModel
            parser StrOutputParser""")


def test_one_review_that_cannot_be_sorted_spoils_no_other(recorder: Recorder, book: Book):
    play("batch")
    recorder.flush()

    assert sorted(trace.status for trace in book.traces()) == ["error", "ok", "ok", "ok", "ok"]


def test_a_conversation_is_one_session_of_several_traces(recorder: Recorder, book: Book):
    play("conversation")
    recorder.flush()

    assert len(book.traces(session="trip-7", user="linus", tag="travel")) == 3


def test_a_growing_conversation_reads_from_the_cache(recorder: Recorder, book: Book):
    play("conversation")
    recorder.flush()

    cached = [span.usage.cache_read for span in book.spans(kind="llm") if span.usage]

    assert cached == [128, 128, 0]  # newest first


def test_the_offline_model_reports_usage_when_it_streams_and_when_it_does_not():
    model = ScriptedChatModel(script=lambda _: "two words", model="gpt-5-mini", reasons=True)

    message = model.invoke("hello")
    *_, last = model.stream("hello")

    assert message.usage_metadata
    assert message.usage_metadata.get("output_token_details", {}).get("reasoning")
    assert message.response_metadata == {"model_name": "gpt-5-mini", "finish_reason": "stop"}
    assert last.usage_metadata


def test_the_offline_model_calls_tools():
    model = ScriptedChatModel(script=lambda _: call("find", word="x"), model="gpt-4.1-mini")

    message = model.invoke("hello")

    assert [(one["name"], one["args"]) for one in message.tool_calls] == [("find", {"word": "x"})]
    assert message.response_metadata["finish_reason"] == "tool_calls"


def test_offline_embeddings_of_texts_that_share_words_are_near():
    near, other, far = WordEmbeddings().embed_documents(
        ["the warranty covers", "what is the warranty", "cards never expire"]
    )

    assert dot(near, other) > dot(near, far)


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_long_words_are_several_tokens():
    assert count_tokens("a cat.") == 3
    assert count_tokens("internationalisation") == 4


# -- documentation -------------------------------------------------------------------------------

PAGES = [
    "README.md",
    "docs/context-and-runs.md",
    "docs/exporters.md",
    "docs/functions.md",
    "docs/langchain.md",
    "docs/llama_index.md",
    "docs/openai.md",
    "docs/pipelines.md",
    "docs/recording.md",
    "docs/spans.md",
    "docs/testing.md",
    "docs/versions.md",
    "docs/what-ran.md",
    "docs/trace-trees.md",
]
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 0,
    "model": "gpt-4.1-mini",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "They turn their heads."},
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14},
}


class Provider(BaseHTTPRequestHandler):
    """Answers as OpenAI does."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        data = json.dumps(COMPLETION).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def provider() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs_from_top_to_bottom(page: str, provider: str, tmp_path: Path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": provider},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert list(tmp_path.glob("*.db"))


def test_the_tests_of_the_page_on_testing_pass(tmp_path: Path):
    page = (ROOT / "docs" / "testing.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "test_page.py").write_text("\n".join(blocks), "utf-8")

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "2 passed" in done.stdout, done.stdout


def test_the_readme_names_every_variable():
    named = set(re.findall(r"`(SPANBOOK_\w+)`", (ROOT / "README.md").read_text("utf-8")))

    assert set(_VARIABLES) <= named


@pytest.mark.parametrize("page", [ROOT / "README.md", *(ROOT / "docs").glob("*.md")], ids=str)
def test_links_between_pages_lead_somewhere(page: Path):
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text("utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []
