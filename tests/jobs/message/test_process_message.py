"""The job behind the chat panel, on the real engine and the embedded Convex."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest

from agent import words
from agent.definition import Limits
from core.clock import SystemClock
from core.ids import MessageId, RunId
from core.usage import Usage
from engine import Engine
from jobs.events import engine_event
from llm.faults import BudgetSpent, ModelUnavailable, RateLimited
from llm.model import ModelEvent, ModelRequest, TextPart, ToolResult
from store.records import MessageStatus
from tests.jobs.message.site import TASK, Site
from tests.support.scripted_turns import ScriptedTurns, call, calls, says, told

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("window", [1_000_000, 65_000, 32_000])
async def test_continue_knows_task_touched_files_and_open_work(site: Site, window: int) -> None:
    """Ten turns of five reads of 6 KB, at the cap of steps: the product itself asks to continue."""
    script = [
        calls(
            *(call(f"r{n}-{k}", "readFile", path=f"src/{n}-{k}.ts") for k in range(5)),
            call(f"w{n}", "writeFile", path=f"out/{n}.ts", content="y" * 500),
            text=f"Part {n} of the plan.",
        )
        for n in range(10)
    ]
    text = b"const answer = 42\n" * 334  # 6 KB
    files = {f"src/{n}-{k}.ts": text for n in range(10) for k in range(5)}
    await site.store.files.write_many(site.project_id, files, owner=site.owner)
    site.model = ScriptedTurns(
        [*script, says("Part 10, the checkout, is left to do.")], context_window=window
    )
    async with site.worker() as engine:
        capped = await site.answer(engine, TASK)
    assert capped.status == MessageStatus.COMPLETED
    site.model = model = ScriptedTurns([says("I went on.")], context_window=window)
    async with site.worker() as engine:
        answer = await site.answer(engine, "continue")
    assert answer.content == "I went on."
    everything = told(model.requests[0])
    assert TASK in everything
    assert all(path in everything for path in files)
    assert all(f"out/{n}.ts" in everything for n in range(10))
    assert "Part 10, the checkout, is left to do." in everything
    assert isinstance(last := model.requests[0].messages[-1].parts[-1], TextPart)
    assert last.text == "continue"
    results = [
        part for m in model.requests[0].messages for part in m.parts if isinstance(part, ToolResult)
    ]
    is_whole = sum(len(result.text) >= 6_000 for result in results) >= 50
    assert is_whole == (window == 1_000_000)
    assert is_whole or "left out" in everything


async def test_of_a_conversation_beyond_the_window_the_first_task_is_known(site: Site) -> None:
    """Three answers that the budget cannot hold: the store gives the oldest in short."""
    long = [calls(call("w", "writeFile", path="a.txt", content="z" * 60_000)), says("y" * 60_000)]
    site.model = model = ScriptedTurns([*long * 4, says("Yes.")], context_window=40_000)
    async with site.worker() as engine:
        for number in range(4):
            await site.answer(engine, f"{TASK} Number {number}.")
        answer = await site.answer(engine, "And?")
    assert answer.content == "Yes."
    everything = told(model.requests[-1])
    assert all(f"Number {number}." in everything for number in range(4))
    assert "a.txt" in everything
    assert len(everything) < 40_000 * 4


class NotYet(ScriptedTurns):
    """Refuses until `until`; each time that it is asked is noted."""

    until: datetime = datetime(2100, 1, 1, tzinfo=UTC)
    asked_at: tuple[datetime, ...] = ()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        now = SystemClock().now()
        self.asked_at = (*self.asked_at, now)
        if now < self.until:
            raise RateLimited("too many requests", retry_at=self.until)
        async for event in super().stream(request):
            yield event


async def waiting(site: Site, engine: Engine, seconds: float) -> tuple[NotYet, MessageId, RunId]:
    model = site.model
    assert isinstance(model, NotYet)
    model.until = SystemClock().now() + timedelta(seconds=seconds)
    message_id, run_id = await site.send(engine, "hello")
    message = await site.message_once(message_id, lambda it: it.waiting_until is not None)
    assert message.status == MessageStatus.PROCESSING
    assert message.waiting_until is not None
    assert message.waiting_until >= model.until
    return model, message_id, run_id


async def test_a_rate_limit_is_waited_out_and_shown_also_when_the_worker_is_replaced(
    site: Site,
) -> None:
    site.model = NotYet([says("Hello.")], by_turn=True)
    async with site.worker() as engine:
        model, message_id, run_id = await waiting(site, engine, 3.0)
    async with site.worker() as engine:
        await engine.wait(run_id, 30)
    message = await site.store.messages.owned(message_id, owner=site.owner)
    assert (message.status, message.content) == (MessageStatus.COMPLETED, "Hello.")
    assert message.waiting_until is None
    assert [at < model.until for at in model.asked_at] == [True, False]


async def test_a_cancel_ends_the_wait_at_once(site: Site) -> None:
    site.model = NotYet([says("Hello.")], by_turn=True)
    async with site.worker() as engine:
        model, message_id, run_id = await waiting(site, engine, 600.0)
        stopped = await site.store.messages.cancel(message_id, owner=site.owner)
        for event in stopped.events:
            await engine.send(engine_event(event))
        info = await engine.wait(run_id, 10)
    assert info.status == "cancelled"
    message = await site.store.messages.owned(message_id, owner=site.owner)
    assert (message.status, message.waiting_until) == (MessageStatus.CANCELLED, None)
    assert len(model.asked_at) == 1


async def test_beyond_the_bound_the_person_is_told_when_to_try_again(site: Site) -> None:
    site.model = model = NotYet([says("Hello.")], by_turn=True)
    site.limits = Limits(longest_wait_s=60)
    async with site.worker() as engine:
        message = await site.answer(engine, "hello")
    assert (message.status, message.error_code) == (MessageStatus.FAILED, "rate_limited")
    assert message.error is not None
    assert "00:00 UTC on 1 January 2100" in message.error
    assert len(model.asked_at) == 1


TWO_TURNS = [calls(call(f"c{n}", "listFiles", path=f"{n}")) for n in range(2)]
USAGE_OF_TWO = Usage(input_tokens=20, output_tokens=10, cost_usd=0.5)


async def test_a_completed_answer_keeps_model_usage_and_cost(site: Site) -> None:
    site.model = ScriptedTurns([*TWO_TURNS, says("Done.")])
    async with site.worker() as engine:
        message = await site.answer(engine, "hello")
    assert (message.status, message.model) == (MessageStatus.COMPLETED, "test/scripted")
    assert message.usage == Usage(input_tokens=30, output_tokens=15, cost_usd=0.75)


async def test_a_failed_answer_keeps_model_usage_and_cost(site: Site) -> None:
    site.model = ScriptedTurns([*TWO_TURNS, BudgetSpent("no credit")], partial="")
    async with site.worker() as engine:
        message = await site.answer(engine, "hello")
    assert (message.status, message.error_code) == (MessageStatus.FAILED, "model_budget_spent")
    assert (message.model, message.usage) == ("test/scripted", USAGE_OF_TWO)


async def test_a_cancelled_answer_keeps_model_usage_and_cost(site: Site) -> None:
    site.model = model = ScriptedTurns([*TWO_TURNS, says("Done.")], hang_in_turn=2)
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, "hello")
        await model.hanging.wait()
        stopped = await site.store.messages.cancel(message_id, owner=site.owner)
        for event in stopped.events:
            await engine.send(engine_event(event))
        await engine.wait(run_id, 30)
    message = await site.store.messages.owned(message_id, owner=site.owner)
    assert message.status == MessageStatus.CANCELLED
    assert (message.model, message.usage) == ("test/scripted", USAGE_OF_TWO)


async def test_an_answer_that_fails_at_once_names_the_model_that_was_asked(site: Site) -> None:
    site.model = ScriptedTurns([ModelUnavailable("gone")] * 9, partial="")
    async with site.worker() as engine:
        message = await site.answer(engine, "hello")
    assert (message.status, message.model) == (MessageStatus.FAILED, "test/scripted")


async def test_a_call_that_was_not_run_has_a_row_its_reason_and_its_place(site: Site) -> None:
    many = [call(f"c{n}", "writeFile", path=f"{n}.txt", content="x") for n in range(3)]
    site.model = model = ScriptedTurns([calls(*many), says("Done."), says("Again.")])
    site.limits = Limits(calls_per_turn=2)
    async with site.worker() as engine:
        message = await site.answer(engine, "hello")
        await site.answer(engine, "and?")
    rows = await site.store.messages.tool_calls(message.message_id, owner=site.owner)
    assert [(row.tool_call_id, row.status) for row in rows] == [
        ("c0", "completed"),
        ("c1", "completed"),
        ("c2", "skipped"),
    ]
    assert rows[2].output == words.not_run_too_many(2)
    for request in model.requests[1:]:
        results = [p for m in request.messages for p in m.parts if isinstance(p, ToolResult)]
        assert [(result.call_id, result.is_error) for result in results] == [
            ("c0", False),
            ("c1", False),
            ("c2", True),
        ]
        assert results[2].text == words.not_run_too_many(2)


async def test_the_projects_rules_stand_in_the_system_prompt(site: Site) -> None:
    await site.store.files.write(site.project_id, "AGENTS.md", b"Never use teal.", owner=site.owner)
    site.model = model = ScriptedTurns([says("Yes.")])
    async with site.worker() as engine:
        await site.answer(engine, "hello")
    assert "Never use teal." in model.requests[0].system
