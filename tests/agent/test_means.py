"""Budgets: the model is told when one is nearly used up, and the answer ends when it is."""

import pytest

from agent import words
from agent.definition import Limits
from agent.means import Budget
from agent.outcome import Ending
from core.usage import Usage
from llm.model import ModelRequest, TextPart, UserMessage
from tests.agent.desk import Desk, Died, Journal
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

TURN = Usage(input_tokens=10, output_tokens=5, cost_usd=0.25)  # as the scripted turns have it
LOOKS = [calls(call(f"c{n}", "listFiles", path=f"d{n}")) for n in range(5)]


def told(request: ModelRequest) -> list[str]:
    texts = [
        part.text
        for message in request.messages
        if isinstance(message, UserMessage)
        for part in message.parts
        if isinstance(part, TextPart)
    ]
    return [text for text in texts if text in words.BUDGET_NEAR.values()]


def limits(*budgets: Budget) -> Limits:
    return Limits(budgets=budgets)


@pytest.mark.parametrize(
    ("budget", "ending"),
    [
        (Budget("answer", usd=0.75), Ending.ANSWER_BUDGET),
        (Budget("answer", tokens=45), Ending.ANSWER_BUDGET),
        (Budget("answer", tokens=31), Ending.ANSWER_BUDGET),
        (Budget("answer", tokens=10_000, usd=0.6), Ending.ANSWER_BUDGET),
        (Budget("day", tokens=1_030, used=Usage(output_tokens=1_000)), Ending.DAY_BUDGET),
        (Budget("day", usd=1.0, used=Usage(cost_usd=0.5)), Ending.DAY_BUDGET),
    ],
    ids=str,
)
async def test_a_budget_that_is_used_up_ends_the_answer_with_a_note(
    budget: Budget, ending: Ending
) -> None:
    model = ScriptedTurns(LOOKS)
    desk = Desk(model, limits=limits(budget))
    outcome = await desk.run()
    assert outcome.ending is ending
    assert budget.share(outcome.usage) >= 1 > budget.share(TURN)
    assert outcome.turns == len(model.requests) < 5
    assert await desk.text(outcome) == words.BUDGET_SPENT[budget.of]


async def test_near_its_end_the_model_is_told_once() -> None:
    model = ScriptedTurns([*LOOKS[:4], says("Enough.")])
    outcome = await Desk(model, limits=limits(Budget("answer", tokens=75))).run()
    assert (outcome.ending, outcome.note) == (Ending.FINISHED, "")
    near = [[words.BUDGET_NEAR["answer"]] if n == 4 else [] for n in range(5)]
    assert [told(request) for request in model.requests] == near
    model = ScriptedTurns([*LOOKS[:4], says("Enough.")])
    used = Usage(output_tokens=900)
    await Desk(model, limits=limits(Budget("day", tokens=1_000, used=used))).run()
    assert [told(request) for request in model.requests] == [[words.BUDGET_NEAR["day"]]] * 5


@pytest.mark.parametrize(
    "budget",
    [
        Budget("answer", tokens=0),
        Budget("answer", usd=0),
        Budget("day", tokens=7, used=Usage(output_tokens=8)),
    ],
    ids=str,
)
async def test_where_nothing_is_left_no_model_is_asked(budget: Budget) -> None:
    model = ScriptedTurns([])
    desk = Desk(model, limits=limits(budget))
    outcome = await desk.run()
    assert (outcome.turns, outcome.model, model.requests) == (0, "", [])
    assert await desk.text(outcome) == words.BUDGET_SPENT[budget.of]


async def test_an_answer_that_ends_by_itself_is_not_blamed_for_its_last_turn() -> None:
    desk = Desk(
        ScriptedTurns([LOOKS[0], says("Done.")]), limits=limits(Budget("answer", tokens=16))
    )
    outcome = await desk.run()
    assert (outcome.ending, await desk.text(outcome)) == (Ending.FINISHED, "Done.")


async def test_what_has_no_price_counts_in_tokens_only() -> None:
    free = Usage(input_tokens=10)
    assert Budget("answer", usd=0.1).share(free) == 0
    assert Budget("answer", usd=0.1, tokens=20).share(free) == 0.5
    assert Budget("answer").share(free) == 0


@pytest.mark.parametrize("die_before", ["turn-1", "tool-1-c1", "turn-2", "turn-3"])
async def test_a_run_that_goes_on_elsewhere_ends_at_the_same_turn(die_before: str) -> None:
    desk = Desk(ScriptedTurns(LOOKS, by_turn=True), limits=limits(Budget("answer", tokens=55)))
    journal = Journal()
    journal.die_before = die_before
    with pytest.raises(Died):
        await desk.run(journal)
    journal.die_before = None
    outcome = await desk.run(journal)
    assert (outcome.ending, outcome.turns) == (Ending.ANSWER_BUDGET, 4)
    again = await desk.run(journal)
    assert again == outcome
