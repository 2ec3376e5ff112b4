"""The model's plan is told to it also when the turns in which it wrote it are left out."""

from typing import Any

from agent.history import build_history
from agent.plan import latest_plan
from agent.transcript import Answered, Asked, Condensed, Loaded, RecordedTurn
from core.ids import ToolCallId
from llm.model import ModelMessage, TextPart
from tests.support.scripted_turns import call, calls, says
from tools.output import ToolOutput

OK = ToolOutput("The plan is kept.")


def planned(number: int, *items: tuple[str, str], output: ToolOutput | None = OK) -> RecordedTurn:
    arguments: dict[str, Any] = {"items": [{"text": text, "status": s} for text, s in items]}
    made = calls(call(f"plan{number}", "todo", **arguments))
    outputs = {} if output is None else {ToolCallId(f"plan{number}"): output}
    return RecordedTurn(number, made, started=frozenset(outputs), outputs=outputs)


def read(number: int) -> RecordedTurn:
    call_id = ToolCallId(f"read{number}")
    made = calls(call(call_id, "readFile", path=f"{number}.ts"))
    output = ToolOutput("x" * 4_000)
    return RecordedTurn(number, made, started=frozenset({call_id}), outputs={call_id: output})


def texts(messages: tuple[ModelMessage, ...]) -> str:
    return "\n".join(
        part.text for message in messages for part in message.parts if isinstance(part, TextPart)
    )


PLAN = (("Look around", "completed"), ("Build the cart", "in_progress"), ("Check it", "pending"))
LINES = "[x] Look around\n[>] Build the cart\n[ ] Check it"


def test_it_is_told_beside_the_summary_that_stands_for_it() -> None:
    turns = (planned(0, ("Old", "pending")), planned(1, *PLAN), read(2), read(3))
    condensed = Condensed("What was done.", past=0, turns=3)
    whole = build_history(Loaded((Asked("Go"),), turns), budget_tokens=50_000)
    assert LINES not in texts(whole.messages)
    short = build_history(Loaded((Asked("Go"),), turns, condensed=condensed), budget_tokens=50_000)
    assert texts(short.messages).count(LINES) == 1
    assert "Old" not in texts(short.messages)
    assert "Go" in texts(short.messages)


def test_it_is_told_where_turns_are_left_out_without_a_summary_and_of_earlier_answers() -> None:
    answer = Answered("completed", "Done.", (planned(0, *PLAN), *map(read, range(1, 20))))
    loaded = Loaded((Asked("Go"), answer, Asked("And now?")))
    history = build_history(loaded, budget_tokens=4_000)
    assert history.is_shortened
    assert texts(history.messages).count(LINES) == 1


def test_it_stays_as_it_was_there_so_that_the_beginning_of_the_request_stays_the_same() -> None:
    condensed = Condensed("What was done.", past=0, turns=1)
    turns = [planned(0, *PLAN), read(1)]
    before = build_history(
        Loaded((Asked("Go"),), tuple(turns), condensed=condensed), budget_tokens=50_000
    )
    turns.append(planned(2, ("Another", "pending")))
    after = build_history(
        Loaded((Asked("Go"),), tuple(turns), condensed=condensed), budget_tokens=50_000
    )
    assert after.messages[: len(before.messages)] == before.messages


def test_only_a_plan_that_was_kept_counts() -> None:
    refused = ToolOutput("too long", is_error=True)
    turns = [
        planned(0, *PLAN),
        planned(1, ("No", "pending"), output=refused),
        planned(2, ("No", "pending"), output=None),
        planned(3, ("No", "no such status")),
        RecordedTurn(4, says("todo")),
    ]
    assert latest_plan(turns, chars=1_000) == (
        f"[Your plan, as you had written it with todo by then:\n{LINES}\n]"
    )
    assert latest_plan([*turns, planned(5)], chars=1_000) is None
    assert latest_plan([], chars=1_000) is None


def test_of_a_long_plan_what_is_done_goes_first_then_its_end() -> None:
    items = [(f"step {n} {'x' * 80}", "completed" if n < 10 else "pending") for n in range(50)]
    told = latest_plan([planned(0, *items)], chars=1_000)
    assert told is not None
    assert len(told) < 1_200
    assert "(10 items are done)" in told
    assert "[ ] step 10" in told
    assert told.count("[ ]") == len(told.splitlines()) - 4
    assert "more items)" in told
