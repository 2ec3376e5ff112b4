"""Ids of events that look like those of the engine's own: they are whatever their senders like."""

import pytest

from engine import CannotReplay, FailureContext, JobContext, NonRetriable, job
from tests.engine.conftest import Start
from tests.engine.things import Asked

IDS = ["m1:on-failure", "m1:failed", "m1:failed:on-failure", "m1:on-failure:failed"]


@pytest.mark.parametrize("event_id", IDS)
async def test_run_of_such_an_event_is_a_run_like_any_other(start: Start, event_id: str) -> None:
    async def close(_: FailureContext[Asked]) -> None:
        """Starts a run whose id ends as the event's does."""

    @job("fails", on=Asked, retries=0, on_failure=close)
    async def fails(_: JobContext[Asked]) -> None:
        raise NonRetriable("no")

    engine = await start([fails])
    sent = await engine.send(Asked(), event_id=event_id)
    assert sent.run_ids == (f"fails:{event_id}",)
    again = await engine.send(Asked(), event_id=event_id)
    assert (again.duplicate, again.run_ids) == (True, sent.run_ids)
    await engine.wait(sent.run_ids[0], 5)
    handler = f"{sent.run_ids[0]}:on-failure"
    assert (await engine.wait(handler, 5)).status == "completed"
    assert (await engine.wait(await engine.replay(sent.run_ids[0]), 5)).status == "failed"
    with pytest.raises(CannotReplay, match="replay that one"):
        await engine.replay(handler)


async def test_run_of_such_an_event_is_cancelled_with_the_others(start: Start) -> None:
    @job("sleeps", on=Asked)
    async def sleeps(ctx: JobContext[Asked]) -> None:
        await ctx.step.sleep("long", "1h")

    engine = await start([sleeps])
    sent = await engine.send(Asked(), event_id="m1:on-failure")
    assert await engine.cancel_many(sleeps) == list(sent.run_ids)
