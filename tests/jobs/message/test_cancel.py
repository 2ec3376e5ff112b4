"""A cancel in the process that writes the answer: what the model has said is kept."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from llm.model import ModelEvent, ModelRequest, TextDelta
from store import DeltaLimits, Store
from store.records import MessageStatus
from tests.jobs.message.site import Site
from tests.support.scripted_turns import ScriptedTurns
from tests.support.store import KEY

pytestmark = pytest.mark.timeout(60)


class Talking(ScriptedTurns):
    """Says "one", "two", and then nothing more."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        self.requests.append(request)
        try:
            yield TextDelta("one ")
            yield TextDelta("two")
            self.hanging.set()
            await asyncio.Event().wait()
        finally:
            self.closed += 1


async def test_no_word_is_lost_that_was_not_written_yet(site: Site, convex_url: str) -> None:
    site.model = model = Talking([])
    never = DeltaLimits(interval_s=600, shortest_s=600)
    async with Store(convex_url, internal_key=KEY, delta_limits=never) as store:
        site.store = store
        async with site.worker() as engine:
            message_id, run_id = await site.send(engine, "hello")
            await model.hanging.wait()
            await site.live.stop(message_id, owner=site.owner)
            assert model.closed == 1
            await store.messages.cancel(message_id, owner=site.owner)
            await engine.cancel(run_id)
            assert (await engine.wait(run_id, 30)).status == "cancelled"
        message = await store.messages.owned(message_id, owner=site.owner)
    assert (message.status, message.content) == (MessageStatus.CANCELLED, "one two")
    assert len(model.requests) == 1


async def test_an_answer_that_was_stopped_and_not_cancelled_is_written_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.answer.live_answers.LEFT_S", 0.01)
    site.model = model = Talking([])
    async with site.worker() as engine:
        message_id, _ = await site.send(engine, "hello")
        await model.hanging.wait()
        model.hanging.clear()
        await site.live.stop(message_id, owner=site.owner)
        await model.hanging.wait()
        await site.live.stop(message_id, owner=site.owner)
        stopped = await site.store.messages.cancel(message_id, owner=site.owner)
        assert stopped.message_ids == (message_id,)
    message = await site.store.messages.owned(message_id, owner=site.owner)
    assert message.content == "one two"
    assert len(model.requests) >= 2
