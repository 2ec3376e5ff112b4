"""The jobs that execute programs, and write into the journal what they do."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

from engine import (
    CancelOn,
    Concurrency,
    EventData,
    FailureContext,
    JobContext,
    NonRetriable,
    RetryPolicy,
    StepFailed,
    current_step,
    job,
)
from tests.crash.fuzz.journal import Journal
from tests.crash.fuzz.programs import Op

QUICK = RetryPolicy(max_attempts=5, min_timeout=0.01, max_timeout=0.05)
LOOK_BACK = "1h"  # an answer may come before its wait, however often the run dies on its way there


class Begun(EventData, event="fuzz/begun"):
    number: int
    ops: list[Any]
    fails: bool = False


class InLine(EventData, event="fuzz/in-line"):
    number: int
    ops: list[Any]
    fails: bool = False
    line: str


class Invoked(EventData, event="fuzz/invoked"):
    number: int
    ops: list[Any]
    fails: bool = False


class Poked(EventData, event="fuzz/poked"):
    number: int
    wait: str


class Stopped(EventData, event="fuzz/stopped"):
    number: int


class Echoed(EventData, event="fuzz/echoed"):
    number: int
    step: str


class Interpreter:
    """Executes the program of one run."""

    def __init__(self, ctx: JobContext[Any]) -> None:
        self._ctx = ctx
        self._journal = ctx.need(Journal)

    async def ops(self, ops: list[Op]) -> list[Any]:
        return [await self._op(op) for op in ops]

    async def _op(self, op: Op) -> Any:
        step, kind, step_id = self._ctx.step, op[0], str(op[1])
        match kind:
            case "run" | "retry":
                value: Any = await step.run(step_id, self._effect, op)
            case "broken":
                try:
                    await step.run(step_id, self._effect, op)
                except StepFailed:
                    value = step_id
                else:
                    raise AssertionError("a step that raises did not fail")
            case "parallel":
                return await step.parallel(*[partial(self.ops, branch) for branch in op[2]])
            case "race":
                return await step.race(step_id, *[partial(self.ops, branch) for branch in op[2]])
            case _:
                value = await self._rest(op)
        self._journal.write("recorded", self._ctx.run_id, step_id)
        return value

    async def _rest(self, op: Op) -> Any:  # noqa: PLR0911 - one return for each kind
        step, step_id = self._ctx.step, str(op[1])
        match op:
            case ["sleep", _, ms]:
                await step.sleep(step_id, ms / 1000)
                return step_id
            case ["sleep_until", _, ms]:
                await step.sleep_until(step_id, self._ctx.event.ts + timedelta(milliseconds=ms))
                return step_id
            case ["timeout", _, ms]:
                return await step.wait_for_event(step_id, "fuzz/never", timeout=ms / 1000)
            case ["wait", _]:
                answer = await step.wait_for_event(
                    step_id,
                    Poked,
                    match="data.number",
                    when=f"async.data.wait == '{step_id}'",
                    look_back=LOOK_BACK,
                )
                return None if answer is None else answer.data.wait
            case ["signal", _, name]:
                await step.wait_for_signal(step_id, name)
                return step_id
            case ["invoke", _, child]:
                return await step.invoke(step_id, invoked, child)
            case ["send", _, count]:
                number = self._ctx.event.data.number
                echoes = [Echoed(number=number, step=f"{step_id}/{n}") for n in range(count)]
                return len(await step.send_event(step_id, echoes))
            case _:
                raise AssertionError(op)

    async def _effect(self, op: Op) -> str:
        info = current_step()
        assert info is not None
        about = partial(
            self._journal.write,
            run=info.run_id,
            step=str(op[1]),
            attempt=info.attempt,
            key=info.idempotency_key,
        )
        about("begin")
        match op:
            case ["run", _, ms]:
                await asyncio.sleep(ms / 1000)
            case ["retry", _, failures] if info.attempt < failures:
                raise ConnectionError("not yet")
            case ["broken", _]:
                raise NonRetriable("never")
            case _:
                pass
        about("end")
        return str(op[1])


async def _program(ctx: JobContext[Any]) -> list[Any]:
    result = await Interpreter(ctx).ops(ctx.event.data.ops)
    if ctx.event.data.fails:
        raise NonRetriable("as the program says")
    return result


async def closed(ctx: FailureContext[Begun]) -> None:
    journal = ctx.need(Journal)

    async def close() -> None:
        journal.write("begin", f"{ctx.run_id}:on-failure", "close")
        journal.write("end", f"{ctx.run_id}:on-failure", "close")

    await ctx.step.run("close", close)
    journal.write("recorded", f"{ctx.run_id}:on-failure", "close")


@job(
    "begun",
    on=Begun,
    retries=QUICK,
    on_failure=closed,
    cancel_on=[CancelOn(Stopped, match="data.number")],
)
async def begun(ctx: JobContext[Begun]) -> list[Any]:
    return await _program(ctx)


@job(
    "in-line",
    on=InLine,
    retries=QUICK,
    concurrency=[Concurrency(limit=1, key="event.data.line")],
)
async def in_line(ctx: JobContext[InLine]) -> list[Any]:
    return await _program(ctx)


@job("invoked", on=Invoked, retries=QUICK)
async def invoked(ctx: JobContext[Invoked]) -> list[Any]:
    return await _program(ctx)


@job("echoed", on=Echoed, retries=QUICK)
async def echoed(ctx: JobContext[Echoed]) -> str:
    await Interpreter(ctx).ops([["run", "echo", 0]])
    return ctx.event.data.step


JOBS = [begun, in_line, invoked, echoed]
