"""A run that has used up a budget asks its person, through restarts, and goes by what they say."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent import words
from agent.definition import Limits
from agent.means import Budget
from core.ids import MessageId
from engine import Engine
from jobs.events import engine_event
from store.errors import Conflict
from store.records import Ask, AskAnswer, Bounds, Message, MessageStatus, UsedUpBudget
from tests.jobs.message.site import TASK, Site
from tests.jobs.message.test_asks import open_asks, reply
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

pytestmark = pytest.mark.timeout(60)

WRITES = [calls(call(f"c{n}", "writeFile", path=f"{n}.txt", content="x")) for n in range(2)]
MORE = AskAnswer(decision="allow", more_usd=5.0)
STOP = AskAnswer(decision="deny")


@pytest.fixture(autouse=True)
def asks(site: Site) -> None:
    site.raisable = ("answer", "conversation", "day")
    site.model = ScriptedTurns([*WRITES, says("Done.")], by_turn=True)  # 0.75 dollars, 45 tokens
    site.limits = Limits(budgets=(Budget("answer", usd=0.5),))


async def final(site: Site, message_id: MessageId) -> Message:
    return await site.message_once(message_id, lambda it: it.status != MessageStatus.PROCESSING)


async def asked_for(site: Site, engine: Engine, answer: AskAnswer) -> tuple[Ask, Message]:
    message_id, run_id = await site.send(engine, TASK)
    (ask,) = await open_asks(site)
    await reply(site, engine, ask, answer)
    await engine.wait(run_id, 30)
    return ask, await final(site, message_id)


async def test_with_more_it_goes_on_where_it_was(site: Site) -> None:
    async with site.worker() as engine:
        ask, answer = await asked_for(site, engine, MORE)
    assert (ask.kind, ask.turn, ask.tool_call_id) == ("budget", 2, "budget-0")
    assert ask.budget == UsedUpBudget(of="answer", spent_tokens=30, usd=0.5, spent_usd=0.5)
    assert (answer.content, answer.ended_early) == ("Done.", None)


async def test_without_more_it_ends_as_ever(site: Site) -> None:
    async with site.worker() as engine:
        _, answer = await asked_for(site, engine, STOP)
    assert (answer.status, answer.ended_early) == (MessageStatus.COMPLETED, "answer_budget")
    assert answer.content == words.BUDGET_SPENT["answer"]


async def test_nobody_answers(site: Site) -> None:
    site.limits = Limits(budgets=site.limits.budgets, ask_timeout=timedelta(seconds=0.3))
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert answer.ended_early == "answer_budget"
    (ask,) = await site.store.asks.list(site.conversation_id, owner=site.owner)
    assert ask.status == "expired"
    with pytest.raises(Conflict):
        await site.store.asks.answer(ask.ask_id, MORE, owner=site.owner)


async def test_the_question_outlives_its_worker(site: Site) -> None:
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        (ask,) = await open_asks(site)
    answered = await site.store.asks.answer(ask.ask_id, MORE, owner=site.owner)
    site.model = model = ScriptedTurns([*WRITES, says("Done.")], by_turn=True)
    async with site.worker() as engine:
        for event in answered.events:  # as the relay does
            await engine.send(engine_event(event))
        await engine.wait(run_id, 30)
        answer = await final(site, message_id)
    assert (answer.content, len(model.requests)) == ("Done.", 1)
    assert len(await site.store.asks.list(site.conversation_id, owner=site.owner)) == 1


async def test_more_for_a_day_holds_for_the_next_answer(site: Site) -> None:
    site.limits, site.day_budget = Limits(), Budget("day", tokens=30)
    site.model = ScriptedTurns([*WRITES, says("Done."), says("Done.")])
    async with site.worker() as engine:
        ask, answer = await asked_for(site, engine, AskAnswer(decision="allow", more_tokens=1_000))
        assert (ask.budget, answer.content) == (UsedUpBudget("day", 30, 30, spent_usd=0.5), "Done.")
        again = await site.answer(engine, "And more.")
    assert (again.content, again.ended_early) == ("Done.", None)


async def test_a_conversation_has_a_budget_of_its_own_which_more_raises(site: Site) -> None:
    site.limits, site.conversation_budget = Limits(), Budget("conversation", tokens=60)
    site.model = ScriptedTurns([*WRITES, says("Done."), *WRITES, says("Done.")])
    async with site.worker() as engine:
        first = await site.answer(engine, TASK)
        assert (first.content, first.ended_early) == ("Done.", None)
        ask, second = await asked_for(site, engine, AskAnswer(decision="allow", more_tokens=100))
        assert ask.budget == UsedUpBudget("conversation", 60, 60, spent_usd=1.0)
        assert second.content == "Done."
    found = await site.store.conversations.owned(site.conversation_id, owner=site.owner)
    assert found.budget == Bounds(tokens=160)


async def test_what_is_chosen_for_a_conversation_goes_before_what_is_set(site: Site) -> None:
    site.limits, site.conversation_budget = Limits(), Budget("conversation", tokens=10_000)
    await site.store.conversations.set_budget(
        site.conversation_id, owner=site.owner, budget=Bounds(tokens=15)
    )
    async with site.worker() as engine:
        ask, answer = await asked_for(site, engine, STOP)
    assert ask.budget == UsedUpBudget("conversation", 15, 15, spent_usd=0.25)
    assert answer.ended_early == "conversation_budget"


async def test_a_conversation_with_nothing_asks_no_model(site: Site) -> None:
    site.limits, site.model = Limits(), ScriptedTurns([])
    await site.store.conversations.set_budget(
        site.conversation_id, owner=site.owner, budget=Bounds(usd=0)
    )
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert (answer.ended_early, answer.model) == ("conversation_budget", None)
    assert await site.store.asks.list(site.conversation_id, owner=site.owner) == ()


async def test_a_run_of_before_is_not_asked(site: Site) -> None:
    sent = await site.store.messages.send(
        site.conversation_id, owner=site.owner, content=TASK, policy="cancel"
    )
    event = engine_event(sent.events[-1])
    before = {key: value for key, value in event.data.items() if key != "asksForMeans"}
    assert len(before) == len(event.data) - 1
    async with site.worker() as engine:
        (run_id,) = (await engine.send(replace(event, data=before))).run_ids
        await engine.wait(run_id, 30)
        answer = await final(site, sent.message_id)
    assert answer.ended_early == "answer_budget"
    assert await site.store.asks.list(site.conversation_id, owner=site.owner) == ()
