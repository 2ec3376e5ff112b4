"""Who answers, as a person has chosen: in runs that go on elsewhere, and where it is gone."""

import asyncio

import pytest

from store.records import MessageStatus
from tests.jobs.message.site import TASK, Site
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

pytestmark = pytest.mark.timeout(120)

OTHER = "test/other"
SCRIPT = [calls(call("c1", "writeFile", path="a.txt", content="x")), says("Done.")]


async def choose(site: Site, model: str | None) -> None:
    await site.store.conversations.choose_model(site.conversation_id, owner=site.owner, model=model)


async def test_a_run_that_goes_on_elsewhere_keeps_the_model_that_it_began_with(site: Site) -> None:
    await choose(site, OTHER)
    default = site.model = ScriptedTurns([])
    first = ScriptedTurns(SCRIPT, by_turn=True, hang_in_turn=1)
    site.models = {OTHER: first}
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        async with asyncio.timeout(30):
            await first.hanging.wait()
    await choose(site, None)
    second = ScriptedTurns(SCRIPT, by_turn=True)
    site.models = {OTHER: second}
    async with site.worker() as engine:
        await engine.wait(run_id, 60)
    answer = await site.store.messages.owned(message_id, owner=site.owner)
    assert (answer.status, answer.content) == (MessageStatus.COMPLETED, "Done.")
    assert (len(first.requests), len(second.requests), len(default.requests)) == (2, 1, 0)


async def test_a_model_that_is_allowed_no_more_gives_way_to_the_default(site: Site) -> None:
    await choose(site, "test/gone")
    default = site.model = ScriptedTurns([says("Done.")])
    site.models = {OTHER: ScriptedTurns([])}
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert (answer.status, len(default.requests)) == (MessageStatus.COMPLETED, 1)


async def test_an_answer_that_fails_names_the_model_that_was_chosen(site: Site) -> None:
    await choose(site, OTHER)
    failing = ScriptedTurns([RuntimeError("broken")] * 4, name=OTHER)
    site.models = {OTHER: failing}
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert (answer.status, answer.model) == (MessageStatus.FAILED, OTHER)
