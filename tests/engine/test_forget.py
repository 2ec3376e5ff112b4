"""A user is forgotten: nothing of their events and runs stays, and nothing of others goes."""

from typing import Any

import pytest
import sqlalchemy as sa

from engine import Database, Event, FailureContext, Job, JobContext, job
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked, Notes, Withdrawn, beside

pytestmark = pytest.mark.timeout(60)

BATCHES = 230  # more than the engine deletes at once


@job("child", on="test/child")
async def child(ctx: JobContext[Asked]) -> str:
    async def say() -> str:
        return ctx.event.data.text

    return await ctx.step.run("say", say)


async def say_failed(ctx: FailureContext[Asked]) -> None:
    ctx.need(Notes).write(f"failed {ctx.event.data.text}")


@job("parent", on=Asked, retries=QUICK, on_failure=say_failed)
async def parent(ctx: JobContext[Asked]) -> str:
    asked = ctx.event.data

    async def work() -> str:
        if "fails" in asked.text:
            raise ValueError(asked.text)
        return asked.text

    if "waits" in asked.text:
        await ctx.step.wait_for_event("wait", Withdrawn, match="data.questionId", timeout="1h")
    said = await ctx.step.run("work", work)
    if "invokes" in asked.text:
        await ctx.step.invoke("child", child, Asked(text=asked.text))
    return said


JOBS: list[Job[Any, Any]] = [parent, child]


def traces(database: Database, *words: str) -> list[str]:
    """Every row of every table in which one of the words stands."""
    found: list[str] = []
    with beside(database) as connection:
        for name in sa.inspect(connection).get_table_names():
            rows = connection.execute(sa.text(f'SELECT * FROM "{name}"'))  # noqa: S608 - its own name
            found += [f"{name}: {row}" for row in rows if any(word in str(row) for word in words)]
    return found


async def test_nothing_of_a_user_is_left_and_all_of_another(
    start: Start, database: Database
) -> None:
    engine = await start(JOBS, provide=[Notes()])
    sent: dict[str, list[str]] = {"ann": [], "bob": []}
    for user in sent:
        for what in ("does", "fails", "waits", "invokes"):
            asked = Event("test/asked", {"text": f"{user}-secret {what}"}, user={"id": user})
            sent[user] += (await engine.send(asked)).run_ids
    for run_ids in sent.values():
        for run_id in (run_ids[0], run_ids[1], run_ids[3]):
            await engine.wait(run_id, 30)
    assert (await engine.run(sent["ann"][2])).status == "running"
    before = traces(database, "bob")
    assert traces(database, "ann")

    assert await engine.forget("ann") > len(sent["ann"])

    assert traces(database, "ann") == []
    assert traces(database, "bob") == before
    assert (await engine.run(sent["bob"][2])).status == "running"
    assert await engine.forget("ann") == 0


async def test_a_user_of_many_events_is_forgotten_in_batches(
    start: Start, database: Database
) -> None:
    engine = await start(JOBS, provide=[Notes()])
    events = [Event("test/nothing", {"text": "x"}, user={"id": "ann"}) for _ in range(BATCHES)]
    await engine.send_many(events)
    assert await engine.forget("ann") == BATCHES
    assert traces(database, "ann") == []
