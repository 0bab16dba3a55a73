"""What is kept of exceptions."""

import pytest

from spanbook.gate.plain import Gate
from spanbook.settings import Settings


def told(error, stack=False, **settings):
    return Gate(Settings(**settings)).error(error, stack=stack)


def caught(function, *args):
    with pytest.raises(Exception) as raised:  # noqa: PT011 - any error of the tests below
        function(*args)
    return raised.value


class OwnError(Exception):
    pass


def fail(message="no"):
    private = "hunter2"
    raise ValueError(message, len(private))


def chain():
    try:
        fail()
    except ValueError as error:
        raise OwnError("outer") from error


def context():
    try:
        fail()
    except ValueError:
        raise OwnError("while handling")  # noqa: B904


def silent():
    try:
        fail()
    except ValueError:
        raise OwnError("alone") from None


def fall(depth):
    if depth:
        fall(depth - 1)
    raise ValueError("bottom")


def test_an_error_has_its_type_and_message():
    assert told(ValueError("no")) == {"type": "ValueError", "message": "no"}
    assert told(OwnError("no")) == {"type": f"{__name__}.OwnError", "message": "no"}
    assert told(KeyboardInterrupt()) == {"type": "KeyboardInterrupt", "message": ""}


def test_a_message_that_raises_is_named():
    class OddError(Exception):
        def __str__(self):
            raise OSError

    error = caught(lambda: (_ for _ in ()).throw(OddError()))

    assert told(error, stack=True)["message"] == "<str() of it raised OSError>"
    assert "OddError" in told(error, stack=True)["stack"]


def test_a_long_message_keeps_both_ends():
    message = told(ValueError("a" * 50_000 + "z" * 50_000))["message"]

    assert len(message) < 8_100
    assert message.startswith("aaa")
    assert message.endswith("zzz")
    assert "characters" in message


def test_message_and_stack_lose_secrets():
    key = "sk-" + "abcdefghij" * 3

    error = told(caught(fail, f"Incorrect key {key}, password=hunter3"), stack=True)

    assert key not in str(error)
    assert "hunter3" not in str(error)
    assert "Incorrect key [redacted]" in error["message"]


@pytest.mark.parametrize("filler", range(7_990, 8_010))
def test_no_cut_leaves_half_a_secret(filler):
    key = "sk-" + "abcdefghij" * 4

    message = told(ValueError("x" * filler + " " + key + " " + "y" * 40_000))["message"]

    assert "abcdef" not in message


def test_the_stack_tells_files_lines_and_sources_and_no_locals():
    stack = told(caught(fail), stack=True)["stack"]

    assert stack.startswith("Traceback (most recent call last):\n")
    assert f'File "{__file__}", line ' in stack
    assert "in fail\n    raise ValueError(message, len(private))\n" in stack
    assert stack.endswith("ValueError: ('no', 7)")


def test_the_cause_comes_before_its_effect():
    stack = told(caught(chain), stack=True)["stack"]

    assert (
        stack.index("ValueError: ") < stack.index("direct cause") < stack.index("OwnError: outer")
    )


def test_the_context_comes_before_what_followed():
    stack = told(caught(context), stack=True)["stack"]

    assert stack.index("ValueError: ") < stack.index("was handled") < stack.index("while handling")


def test_a_suppressed_context_is_left_out():
    assert "ValueError: " not in told(caught(silent), stack=True)["stack"]


def test_errors_that_cause_each_other_end():
    a, b = ValueError("a"), ValueError("b")
    a.__cause__, b.__cause__ = b, a

    assert told(a, stack=True)["stack"].count("ValueError: ") == 2


def test_a_group_tells_its_members():
    group = ExceptionGroup("many", [caught(fail), ExceptionGroup("inner", [OwnError("deep")])])
    group.add_note("a note")

    stack = told(group, stack=True)["stack"]

    assert "ExceptionGroup: many (2 sub-exceptions)\na note" in stack
    assert "  1 of 2\n    Traceback" in stack
    assert "OwnError: deep" in stack


def test_a_large_group_is_cut():
    group = ExceptionGroup("many", [ValueError("x" * 10_000) for _ in range(5_000)])

    assert len(told(group, stack=True)["stack"]) < 25_000


def test_a_deep_stack_keeps_head_and_tail():
    stack = told(caught(fall, 500), stack=True)["stack"]

    assert stack.count("in fall") == 59
    assert "… 442 more frames …" in stack
    assert stack.endswith("ValueError: bottom")


def test_an_error_that_was_never_raised_has_a_stack_of_one_line():
    assert told(ValueError("no"), stack=True)["stack"] == "ValueError: no"


def test_the_mask_sees_message_and_stack():
    error = told(caught(fail), stack=True, mask=lambda text: text.replace("no", "**"))

    assert error["message"] == "('**', 7)"
    assert error["stack"].endswith("ValueError: ('**', 7)")


def test_a_mask_that_fails_or_returns_no_text_tells_nothing():
    gate = Gate(Settings(mask=lambda text: text["content"]))

    assert gate.error(ValueError("no"), stack=True) == {
        "type": "ValueError",
        "message": "[mask failed]",
        "stack": "[mask failed]",
    }
    assert gate.failures == 2
    assert told(ValueError("no"), mask=lambda text: None)["message"] == "[masked]"


def test_an_error_that_refuses_everything_is_told():
    def refuse(*args):
        raise RuntimeError

    cls = type("OddError", (Exception,), {"__getattribute__": refuse, "__str__": refuse})

    error = told(cls(), stack=True)

    assert error["type"].endswith("OddError")
    assert type(error["stack"]) is str
