"""Budgets on the engine: an answer ends at one with a note and a word, and "continue" goes on."""

import asyncio

import pytest

from agent import words
from agent.definition import Limits
from agent.means import Budget
from agent.outcome import Ending
from jobs.answer.records import ended_early
from llm.model import TextPart
from store.records import MessageStatus
from tests.jobs.message.site import TASK, Site
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

pytestmark = pytest.mark.timeout(120)

WRITES = [calls(call(f"c{n}", "writeFile", path=f"{n}.txt", content="x")) for n in range(4)]


async def test_an_answer_ends_at_its_budget_and_continue_goes_on(site: Site) -> None:
    site.limits = Limits(budgets=(Budget("answer", usd=0.5),))
    model = site.model = ScriptedTurns([*WRITES[:2], says("Done.")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
        assert (answer.status, answer.ended_early) == (MessageStatus.COMPLETED, "answer_budget")
        assert answer.content == words.BUDGET_SPENT["answer"]
        assert answer.usage is not None
        assert answer.usage.cost_usd == 0.5
        context = await site.store.messages.context(answer.message_id, max_chars=0)
        assert [each.status for each in context.tool_calls] == ["completed", "completed"]
        goes_on = await site.answer(engine, "continue")
    assert (goes_on.content, goes_on.ended_early) == ("Done.", None)
    assert TextPart(words.BUDGET_SPENT["answer"]) in model.requests[2].messages[-2].parts


async def test_a_day_bounds_all_answers_of_a_person(site: Site) -> None:
    site.day_budget = Budget("day", tokens=40)
    model = site.model = ScriptedTurns([*WRITES[:2], says("Done.")])  # 45 tokens
    async with site.worker() as engine:
        first = await site.answer(engine, TASK)
        assert (first.content, first.ended_early) == ("Done.", None)
        model.replies = []
        second = await site.answer(engine, "And more.")
    assert (second.status, second.ended_early) == (MessageStatus.COMPLETED, "day_budget")
    assert (second.content, second.model) == (words.BUDGET_SPENT["day"], None)


async def test_a_failed_answer_has_used_its_part_of_the_day(site: Site) -> None:
    site.day_budget = Budget("day", tokens=20)  # one turn has 15
    model = site.model = ScriptedTurns([WRITES[0], *[RuntimeError("broken")] * 2])
    async with site.worker() as engine:
        failed = await site.answer(engine, TASK)
        assert failed.status == MessageStatus.FAILED
        model.replies = [*model.replies[: len(model.requests)], WRITES[1]]
        assert (await site.answer(engine, "Again.")).ended_early == "day_budget"


async def test_a_run_that_goes_on_elsewhere_has_what_was_left_when_it_began(site: Site) -> None:
    site.day_budget = Budget("day", tokens=40)
    script = [*WRITES[:2], says("Done.")]
    first = site.model = ScriptedTurns(script, by_turn=True, hang_in_turn=2)
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        async with asyncio.timeout(30):
            await first.hanging.wait()
    site.model = ScriptedTurns(script, by_turn=True)
    async with site.worker() as engine:
        await engine.wait(run_id, 60)
    answer = await site.store.messages.owned(message_id, owner=site.owner)
    assert (answer.content, answer.ended_early) == ("Done.", None)


def test_each_ending_has_its_word_but_the_good_one() -> None:
    words_of = {ending: ended_early(ending) for ending in Ending}
    assert [ending for ending, word in words_of.items() if word is None] == [Ending.FINISHED]
    assert all(word in {None, ending.value} for ending, word in words_of.items())
