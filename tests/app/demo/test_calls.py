"""What the demo says of the tool calls of an answer."""

import pytest

from app.demo.calls import Call, how_tests_ended

FOUND = {"path": "a.ts", "line": 2.0, "column": 1.0, "message": "No."}
NO_SANDBOX = "Commands cannot run: this machine offers no sandbox (why). Go on without."


def command(result: str = "", *parts: dict[str, object]) -> Call:
    return Call("executeCommand", "{}", result, parts)


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ([], "not run: the model ran no command"),
        (
            [command("", {"type": "exit", "code": 1}), command("", {"type": "exit", "code": 0})],
            "passed",
        ),
        (
            [command("", {"type": "exit", "code": 0}), command("", {"type": "exit", "code": 1})],
            "failed",
        ),
        ([command("", {"type": "exit"})], "failed"),
        (
            [command(NO_SANDBOX)],
            "not run: Commands cannot run: this machine offers no sandbox",
        ),
    ],
)
def test_the_last_command_says_how_the_tests_ended(calls: list[Call], said: str) -> None:
    assert how_tests_ended(calls) == said


def test_errors_are_counted_and_warnings_are_not() -> None:
    both = [{**FOUND, "severity": "error"}, {**FOUND, "severity": "warning"}]
    call = command("text", {"type": "diff"}, {"type": "diagnostics", "diagnostics": both})
    assert call.errors == call.shown == ["a.ts:2:1 No."]


def test_of_a_search_its_first_line_is_shown_and_of_a_command_its_last() -> None:
    text = "\n\n".join(f"line {number}" for number in range(30))
    assert Call("searchFiles", "{}", text, ()).shown == ["line 0"]
    assert command(text).shown[-1] == "line 29"
    assert len(command(text).shown) == 12
