"""A test gets its trace and is held to its budget, as pytest itself shows."""

import subprocess
import sys
from decimal import Decimal

import pytest

from spanbook_pytest.budget import Budget

pytest_plugins = ["pytester"]

APPLICATION = """
import spanbook
from spanbook import Usage

def ask(question, tokens=100):
    with spanbook.span("answer", kind="agent", input=question) as answer:
        with spanbook.span("look up", kind="tool", input={"word": "owl"}) as tool:
            tool.set_output(["a bird"])
        with spanbook.span("gpt", kind="llm", model="gpt-4.1-mini") as call:
            call.set_usage(Usage(input=tokens - 10, output=10))
        answer.set_output("An owl is a bird.")
    return "An owl is a bird."

def fail():
    with spanbook.span("broken", kind="tool"):
        raise ValueError("no")
"""


@pytest.fixture
def program(pytester: pytest.Pytester) -> pytest.Pytester:
    """A program to test, in a folder of its own."""
    pytester.makepyfile(application=APPLICATION)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    return pytester


def test_a_test_asserts_on_what_it_recorded(program: pytest.Pytester):
    program.makepyfile("""
        import pytest
        from application import ask, fail

        def test_answer(spanbook_trace):
            assert spanbook_trace.outline() == ""
            ask("What is an owl?")
            assert spanbook_trace.tools == ["look up"]
            assert spanbook_trace.models == ["gpt-4.1-mini"]
            assert (spanbook_trace.tokens, spanbook_trace.usage.output) == (100, 10)
            assert spanbook_trace.outline() == (
                "agent answer\\n  tool look up\\n  llm gpt"
            )
            (tool,) = spanbook_trace.spans(kind="tool", name="look up", status="ok")
            assert (tool.input, tool.output, tool.depth) == ({"word": "owl"}, ["a bird"], 1)
            assert not spanbook_trace.errors

        def test_error(spanbook_trace):
            with pytest.raises(ValueError):
                fail()
            (span,) = spanbook_trace.errors
            assert (span.error.type, span.error.message) == ("ValueError", "no")
            assert spanbook_trace.outline() == "tool broken !ValueError"
            with pytest.raises(ValueError, match="wrong"):
                spanbook_trace.spans(kind="wrong")
    """)

    program.runpytest("-q").assert_outcomes(passed=2)


def test_each_test_has_a_store_of_its_own_and_the_program_keeps_its_own(
    program: pytest.Pytester,
):
    program.makepyfile("""
        import spanbook
        from application import ask

        def test_one(spanbook_trace):
            ask("one")
            assert len(spanbook_trace.spans()) == 3

        def test_two(spanbook_trace, tmp_path):
            ask("two")
            assert len(spanbook_trace.spans()) == 3
            assert (tmp_path / "spanbook.db").exists()

        def test_without():
            url = spanbook.default_recorder().settings.url
            assert "test_one" not in url
            assert "test_two" not in url
    """)

    program.runpytest("-q").assert_outcomes(passed=3)


def test_a_test_within_its_budget_passes(program: pytest.Pytester):
    program.makepyfile("""
        import pytest
        from application import ask

        @pytest.mark.budget(tokens=100, seconds=60)
        def test_answer():
            ask("What is an owl?")

        @pytest.mark.budget(cost=0.01)
        def test_nothing_called():
            pass
    """)

    program.runpytest("-q", "--strict-markers").assert_outcomes(passed=2)


def test_a_test_over_its_budget_fails_and_says_by_what(program: pytest.Pytester):
    program.makepyfile("""
        import pytest
        from application import ask

        @pytest.mark.budget(tokens=1_000, seconds=0)
        def test_answer():
            ask("What is an owl?", tokens=1_204)
    """)

    result = program.runpytest("-q")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "Over budget:",
            "  1,204 tokens, of 1,000 (1,194 in, 10 out)",
            "  * seconds, of 0",
            "agent answer *",
            "  tool look up *",
            "  llm gpt * 1,204 tokens*",
        ]
    )
    assert "plugin.py" not in result.stdout.str()


def test_a_cost_that_is_not_known_is_not_within_a_budget(program: pytest.Pytester):
    program.makepyfile("""
        import pytest
        import spanbook

        @pytest.mark.budget(cost=1)
        def test_answer():
            with spanbook.span("mine", kind="llm", model="home-made") as call:
                call.set_usage(spanbook.Usage(input=5, output=1))
    """)

    result = program.runpytest("-q")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*cost is not known: 1 call without a price (home-made)"])


def test_a_failing_test_shows_what_it_recorded_and_keeps_its_error(program: pytest.Pytester):
    program.makepyfile("""
        import pytest
        from application import ask

        @pytest.mark.budget(tokens=1)
        def test_answer():
            assert ask("What is an owl?") == "A cat."
    """)

    result = program.runpytest("-q")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*AssertionError*", "*recorded spans*", "  tool look up"])
    assert "Over budget" not in result.stdout.str()


def test_a_budget_of_a_class_holds_for_each_test(program: pytest.Pytester):
    program.makepyfile("""
        import pytest
        from application import ask

        @pytest.mark.budget(tokens=10)
        class TestAnswers:
            def test_one(self):
                ask("one")

            @pytest.mark.budget(tokens=1_000)
            def test_two(self):
                ask("two")
    """)

    program.runpytest("-q").assert_outcomes(failed=1, passed=1)


@pytest.mark.parametrize("wrong", ["token=5", "5", "", "tokens='many'", "cost=-1"])
def test_a_budget_that_is_none_fails_and_says_what_one_is(program: pytest.Pytester, wrong: str):
    program.makepyfile(f"""
        import pytest

        @pytest.mark.budget({wrong})
        def test_answer():
            pass
    """)

    result = program.runpytest("-q")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*A budget *"])


def test_async_tests_have_their_trace_too(program: pytest.Pytester):
    program.makepyfile("""
        import asyncio
        import pytest
        import spanbook

        @pytest.mark.asyncio
        @pytest.mark.budget(tokens=5)
        async def test_answer():
            async def call():
                async with spanbook.span("gpt", kind="llm") as span:
                    span.set_usage(spanbook.Usage(input=5, output=1))
            await asyncio.gather(call(), call())
    """)

    result = program.runpytest("-q", "-p", "pytest_asyncio")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*12 tokens, of 5*"])


def test_it_works_in_several_processes(program: pytest.Pytester):
    program.makepyfile("""
        import pytest
        from application import ask

        @pytest.mark.parametrize("number", range(6))
        def test_answer(spanbook_trace, number):
            ask("What is an owl?", tokens=100 + number)
            assert spanbook_trace.tokens == 100 + number

        @pytest.mark.budget(tokens=1)
        def test_over():
            ask("What is an owl?")
    """)

    result = program.runpytest_subprocess("-q", "-n", "2", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=6, failed=1)
    result.stdout.fnmatch_lines(["*100 tokens, of 1 *"])


def test_the_users_settings_do_not_switch_the_trace_off(
    program: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
):
    for name, value in {"DISABLED": "1", "SAMPLE": "0", "INGEST": "0", "JOURNAL": "j"}.items():
        monkeypatch.setenv(f"SPANBOOK_{name}", value)
    program.makepyfile("""
        from application import ask

        def test_answer(spanbook_trace):
            ask("What is an owl?")
            assert len(spanbook_trace.spans()) == 3
    """)

    program.runpytest("-q").assert_outcomes(passed=1)


def test_those_who_do_not_use_it_import_nothing(pytester: pytest.Pytester):
    pytester.makepyfile("""
        import sys

        def test_nothing():
            assert "spanbook" not in sys.modules
    """)

    pytester.runpytest_subprocess("-q").assert_outcomes(passed=1)


def test_importing_the_plugin_brings_pytest_alone():
    script = "import sys, spanbook_pytest.plugin; print('spanbook' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"


def test_a_priced_call_over_its_cost_is_reported(program: pytest.Pytester):
    program.makepyfile("""
        import sqlite3
        from contextlib import closing
        from decimal import Decimal
        from application import ask
        from spanbook_pytest.budget import Budget

        def test_cost(spanbook_trace):
            ask("What is an owl?")
            path = spanbook_trace.recorder.settings.url.removeprefix("sqlite:///")
            spanbook_trace.recorder.flush()
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute("UPDATE spans SET cost = 20000000000 WHERE kind = 'llm'")
                connection.execute("UPDATE traces SET cost = 20000000000, unpriced_count = 0")
            assert spanbook_trace.cost == Decimal("0.02")
            assert spanbook_trace.unpriced == 0
            report = Budget.of(cost=0.01).report(spanbook_trace, 0)
            assert report.splitlines()[1] == "  $0.02, of $0.01"
            assert Budget.of(cost="0.02").report(spanbook_trace, 0) is None
    """)

    program.runpytest("-q").assert_outcomes(passed=1)


def test_a_budget_is_exact_about_money():
    assert Budget.of(cost=0.1).cost == Decimal("0.1")
