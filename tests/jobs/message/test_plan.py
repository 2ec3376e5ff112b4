"""The plan of an answer is kept once, also across a kill, and its conversation goes on with it."""

from dataclasses import asdict

import pytest

from agent.definition import Limits
from llm.model import Turn
from store.records import MessageStatus, TodoItem
from tests.jobs.message.site import Site
from tests.jobs.message.test_condensing import told
from tests.support.scripted_turns import ScriptedTurns, call, calls, says
from tools.files import FILE_TOOLS
from tools.planning import PLANNING_TOOLS

pytestmark = pytest.mark.timeout(120)

READS = 12
TEXT = b"const answer = 42\n" * 200
FIRST = (TodoItem("Look", "in_progress"), TodoItem("Build", "pending"))
SECOND = (TodoItem("Look", "completed"), TodoItem("Build", "in_progress"))


def plans(call_id: str, *plan: TodoItem) -> Turn:
    return calls(call(call_id, "todo", items=[asdict(item) for item in plan]))


async def kept(site: Site) -> tuple[TodoItem, ...] | None:
    plan = await site.store.conversations.todos(site.conversation_id, owner=site.owner)
    return plan and plan.items


@pytest.fixture
def site_with_plans(site: Site) -> Site:
    site.tools = (*FILE_TOOLS, *PLANNING_TOOLS)
    return site


async def test_it_survives_condensing_and_the_next_message(site_with_plans: Site) -> None:
    site = site_with_plans
    reads = [calls(call(f"c{n}", "readFile", path=f"{n}.ts")) for n in range(READS)]
    files = {f"{n}.ts": TEXT for n in range(READS)}
    await site.store.files.write_many(site.project_id, files, owner=site.owner)
    site.limits = Limits(max_turns=READS + 5, history_tokens=3_000)
    script = [plans("p0", *FIRST), plans("p1", *SECOND), *reads, says("Read.")]
    site.model = model = ScriptedTurns(script, summary="## Goal\nA shop.")
    async with site.worker() as engine:
        message = await site.answer(engine, "Read all of it.")
    assert message.status == MessageStatus.COMPLETED
    assert model.summaries
    assert await kept(site) == SECOND
    assert "[x] Look\n[>] Build" in told(model.requests[-1])
    site.model = model = ScriptedTurns([says("Building.")])
    async with site.worker() as engine:
        await site.answer(engine, "What is next?")
    assert "[x] Look\n[>] Build" in told(model.requests[0])
    assert await kept(site) == SECOND


async def test_a_worker_that_dies_leaves_it_as_it_was_written(site_with_plans: Site) -> None:
    site = site_with_plans
    script = [plans("p0", *FIRST), says("Done.")]
    site.model = model = ScriptedTurns(script, by_turn=True, hang_in_turn=1)
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, "Build me a shop.")
        await model.hanging.wait()
        assert await kept(site) == FIRST
    site.model = ScriptedTurns(script, by_turn=True)
    async with site.worker() as engine:
        await engine.wait(run_id, 60)
    message = await site.message_once(message_id, lambda it: it.ended_at is not None)
    assert message.content == "Done."
    assert await kept(site) == FIRST


async def test_one_that_is_refused_is_not_kept(site_with_plans: Site) -> None:
    site = site_with_plans
    wrong = [{"text": "Look", "status": "someday"}]
    script = [plans("p0", *FIRST), calls(call("p1", "todo", items=wrong))]
    site.model = model = ScriptedTurns([*script, says("Done.")])
    async with site.worker() as engine:
        await site.answer(engine, "Build me a shop.")
    assert "in_progress" in told(model.requests[-1])
    assert await kept(site) == FIRST
