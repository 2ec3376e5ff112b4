"""Jobs that go on the test engine as they do on the real one."""

import asyncio
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from core.errors import Refused
from engine import (
    Event,
    EventData,
    FailureContext,
    Job,
    JobContext,
    NonRetriable,
    RetryAfter,
    StepFailed,
    current_step,
    job,
)
from tests.engine.things import QUICK, Asked, Withdrawn


class Answer(BaseModel):
    text: str
    score: float


@dataclass(frozen=True)
class Point:
    x: int
    tags: tuple[str, ...]


async def same(value: Any) -> Any:
    return value


async def broken(text: str = "boom") -> None:
    raise ValueError(text)


@job("typed", on=Asked)
async def typed(ctx: JobContext[Asked]) -> Answer:
    async def model() -> Answer:
        return Answer(text="yes", score=0.5)

    async def record() -> Point:
        return Point(1, ("a", "b"))

    answer = await ctx.step.run("model", model)
    point = await ctx.step.run("record", record)
    assert (answer, point) == (Answer(text="yes", score=0.5), Point(1, ("a", "b")))
    return answer


@job("loop", on=Asked)
async def loop(ctx: JobContext[Asked]) -> list[str]:
    async def key() -> str:
        step = current_step()
        assert step is not None
        return step.idempotency_key

    return [await ctx.step.run("turn", key) for _ in range(3)]


@job("flaky", on=Asked, retries=QUICK)
async def flaky(ctx: JobContext[Asked]) -> int:
    async def attempt() -> int:
        if ctx.attempt == 0:
            raise ConnectionError("not yet")
        if ctx.attempt == 1:
            raise RetryAfter("later", "20ms")
        return ctx.attempt

    return await ctx.step.run("call", attempt)


@job("fallback", on=Asked, retries=QUICK)
async def fallback(ctx: JobContext[Asked]) -> str:
    try:
        await ctx.step.run("main", broken)
    except StepFailed as failed:
        return f"{failed.step_id} {failed.attempts} {failed.name} {failed.message}"
    return "fine"


@job("hopeless", on=Asked)
async def hopeless(ctx: JobContext[Asked]) -> None:
    async def never() -> None:
        raise NonRetriable("never")

    await ctx.step.run("never", never)


@job("refused", on=Asked)
async def refused(ctx: JobContext[Asked]) -> None:
    async def refuse() -> None:
        raise Refused("change it")

    await ctx.step.run("refuse", refuse)


@job("unstorable", on=Asked)
async def unstorable(ctx: JobContext[Asked]) -> None:
    async def odd() -> object:
        return object()

    await ctx.step.run("odd", odd)


@job("nested", on=Asked, retries=0)
async def nested(ctx: JobContext[Asked]) -> None:
    async def outer() -> None:
        await ctx.step.run("inner", broken)

    await ctx.step.run("outer", outer)


@job("restarted", on=Asked, retries=QUICK)
async def restarted(ctx: JobContext[Asked]) -> list[int]:
    seen = [await ctx.step.run("work", same, ctx.attempt)]
    if ctx.attempt < 2:
        raise ConnectionError
    return [*seen, ctx.attempt]


@job("caught-and-restarted", on=Asked, retries=QUICK)
async def caught_and_restarted(ctx: JobContext[Asked]) -> str:
    try:
        await ctx.step.run("main", broken)
    except StepFailed as failed:
        if ctx.attempt == 0:
            raise ConnectionError from failed
        return f"{failed}"
    return "fine"


async def tell(ctx: FailureContext[Asked]) -> None:
    error = ctx.error
    data = {"text": f"{ctx.event.data.text} {ctx.run_id} {error.name} {error.step_id}"}
    await ctx.step.send_event("tell", Event("test/told", data))


@job("handled", on=Asked, retries=0, on_failure=tell)
async def handled(ctx: JobContext[Asked]) -> None:
    await ctx.step.run("work", broken)


@job("branches", on=Asked)
async def branches(ctx: JobContext[Asked]) -> list[str]:
    async def branch(name: str) -> str:
        first: str = await ctx.step.run("one", same, name + "1")
        inner = await ctx.step.parallel(lambda: ctx.step.run("deep", same, "x"))
        return f"{first}{inner}{await ctx.step.run('two', same, name + '2')}"

    return await ctx.step.parallel(*(lambda name=name: branch(name) for name in "ab"))


@job("failing-branch", on=Asked, retries=0)
async def failing_branch(ctx: JobContext[Asked]) -> None:
    async def long() -> None:
        await ctx.step.sleep("long", "1h")
        await ctx.step.run("after", same, 1)

    async def bad() -> None:
        await ctx.step.sleep("a-moment", 0.3)  # by then the other branch has recorded its sleep
        await ctx.step.run("bad", broken)

    await ctx.step.parallel(long, bad)


@job("racing", on=Asked, retries=QUICK)
async def racing(ctx: JobContext[Asked]) -> str:
    async def slow() -> str:
        await ctx.step.sleep("slow", "1h")
        return "slow"

    async def quick() -> str:
        await ctx.step.sleep("quick", "300ms")
        return "quick"

    won = await ctx.step.race("who", slow, quick)
    if ctx.attempt == 0:
        raise ConnectionError
    return won


@job("sender", on=Asked, retries=QUICK)
async def sender(ctx: JobContext[Asked]) -> list[str]:
    events: list[EventData | Event] = [
        Withdrawn(question_id="a"),
        Event("test/other", {"n": 1}, id="mine"),
    ]
    sent = await ctx.step.send_event("tell", events)
    again = await ctx.step.send_event("tell", Event("test/other", {"n": 1}, id="mine"))
    if ctx.attempt == 0:
        raise ConnectionError
    return [f"{one.event_id} {one.duplicate}" for one in [*sent, *again]]


@job("refused-send", on=Asked, retries=QUICK)
async def refused_send(ctx: JobContext[Asked]) -> str:
    try:
        await ctx.step.send_event("tell", Event("test/big", {"text": "x" * 600_000}))
    except StepFailed as failed:
        if ctx.attempt == 0:
            raise ConnectionError from failed
        return f"{failed.step_id} {failed.name}"
    return "sent"


@job("taken-signal", on=Asked, retries=QUICK)
async def taken_signal(ctx: JobContext[Asked]) -> str:
    async def first() -> str:
        return str(await ctx.step.wait_for_signal("first", "same", timeout="1h"))

    async def second() -> str:
        await ctx.step.sleep("a-moment", 0.3)
        try:
            return str(await ctx.step.wait_for_signal("second", "same", timeout="1h"))
        except StepFailed as failed:
            return f"{failed.step_id} {failed.name} {failed.message}"

    found = await ctx.step.race("who", first, second)
    if ctx.attempt == 0:
        raise ConnectionError
    return found


@job("short-waits", on=Asked)
async def short_waits(ctx: JobContext[Asked]) -> list[bool]:
    event = await ctx.step.wait_for_event("event", "test/never", timeout=0.05)
    signal = await ctx.step.wait_for_signal("signal", "never", timeout="50ms")
    return [event is None, signal is None]


@job("self-answered", on=Asked)
async def self_answered(ctx: JobContext[Asked]) -> list[str | None]:
    await ctx.step.send_event("send", Withdrawn(question_id=ctx.event.data.question_id))
    found = [
        await ctx.step.wait_for_event("w", Withdrawn, match="data.questionId", timeout=0.05)
        for _ in range(2)
    ]
    return [None if each is None else each.data.question_id for each in found]


@job("bad-wait", on=Asked, retries=QUICK)
async def bad_wait(ctx: JobContext[Asked]) -> None:
    await ctx.step.wait_for_event("w", Withdrawn, match="data.missing", timeout=0.05)


@job("square", on="math/square", retries=0)
async def square(ctx: JobContext[dict[str, int]]) -> int:
    if ctx.event.data["n"] < 0:
        raise NonRetriable("negative")
    return await ctx.step.run("square", same, ctx.event.data["n"] ** 2)


@job("parent", on=Asked)
async def parent(ctx: JobContext[Asked]) -> str:
    async def branch() -> int:
        return await ctx.step.invoke("good", square, {"n": 5})

    (good,) = await ctx.step.parallel(branch)
    try:
        await ctx.step.invoke("bad", square, {"n": -1})
    except StepFailed as failed:
        return f"{good + 0} {failed.step_id} {failed.name} {failed.message}"
    return "no failure"


@job("unfit", on=Asked)
async def unfit(_: JobContext[Asked]) -> int:
    wrong: Any = "no number"
    return wrong


@job("cancelled-inside", on=Asked, retries=0)
async def cancelled_inside(ctx: JobContext[Asked]) -> None:
    async def strange() -> None:
        raise asyncio.CancelledError

    await ctx.step.run("strange", strange)


JOBS: list[Job[Any, Any]] = [
    typed,
    loop,
    flaky,
    fallback,
    hopeless,
    refused,
    unstorable,
    nested,
    restarted,
    caught_and_restarted,
    handled,
    branches,
    failing_branch,
    racing,
    sender,
    refused_send,
    taken_signal,
    short_waits,
    self_answered,
    bad_wait,
    parent,
    unfit,
    cancelled_inside,
]
