"""Another process with channels: `python -m tests.engine.realtime_worker DSN`.

Runs `report`, and answers everything on the channel "ping" on the channel "pong". Prints "ready"
when it listens.
"""

import asyncio
import sys

from pydantic import BaseModel

from engine import Channel, Engine, JobContext, PostgresDatabase, Topic, job
from tests.engine.things import Asked


class Progress(BaseModel):
    percent: int


progress = Topic("progress", Progress)
lines = Topic("lines", str)
build = Channel("build", progress, lines)


@job("report", on=Asked)
async def report(ctx: JobContext[Asked]) -> None:
    """Says 0 to 9, then a line of as many characters as the event says, then 10."""
    channel = build.of(ctx.event.data.question_id)
    for percent in range(10):
        await ctx.publish(channel, progress, Progress(percent=percent))
    await ctx.publish(channel, lines, "x" * int(ctx.event.data.text or 0))
    await ctx.publish(channel, progress, Progress(percent=10))


async def main(dsn: str) -> None:
    async with (
        Engine(jobs=[report], database=PostgresDatabase(dsn)) as engine,
        engine.subscribe("ping") as pings,
    ):
        print("ready", flush=True)  # noqa: T201 - what the test waits for
        async for ping in pings:
            await engine.publish("pong", ping.topic, ping.data)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
