"""What would end the process ends only the step or job that raises it; a Ctrl-C ends all."""

import asyncio
import gc
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from engine import ErrorCause, JobContext, RunFailed, StepFailed, job
from engine.middleware import Middleware, Step, StepCall
from engine.testing import TestEngine
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked, Notes


class Strange(BaseException):
    """No Exception, as pytest's and trio's own are none."""


def leave(how: str) -> None:
    match how:
        case "SystemExit":
            sys.exit(3)
        case "GeneratorExit":
            raise GeneratorExit
        case "KeyboardInterrupt":
            raise KeyboardInterrupt
        case "Strange":
            raise Strange("odd")
        case _:
            return


HOW = ["SystemExit", "GeneratorExit", "KeyboardInterrupt", "Strange"]


@pytest.mark.parametrize("where", ["step", "body", "branch", "race", "middleware"])
async def test_only_what_raises_it_ends(start: Start, where: str) -> None:
    notes = Notes()

    class Leaves(Middleware):
        async def on_step(self, call: StepCall, proceed: Step) -> object:
            if call.step_id == "moment":
                leave(notes.lines[-1])
            return await proceed(call)

    @job("leaves", on=Asked, retries=QUICK, middleware=[Leaves()])
    async def leaves(ctx: JobContext[Asked]) -> str:
        async def work() -> str:
            await asyncio.sleep(0)
            notes.write(ctx.event.data.text)
            leave(ctx.event.data.text)
            return "still here"

        match where:
            case "step":
                return await ctx.step.run("work", work)
            case "branch":
                return (await ctx.step.parallel(work))[0]
            case "race":
                return await ctx.step.race("first", work)
            case "middleware" if ctx.event.data.text:
                notes.write(ctx.event.data.text)
                await ctx.step.sleep("moment", 0)
                return "not reached"
            case _:
                return await work()

    engine = await start([leaves])
    for how in HOW:
        sent = await engine.send(Asked(text=how))
        with pytest.raises(RunFailed, match="must not end the process") as caught:
            await engine.result(sent.run_ids[0], 5)
        assert caught.value.name == "NonRetriable"
        assert caught.value.cause is not None
        assert caught.value.cause.name == how
    assert notes.lines == HOW
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == "still here"


async def test_job_may_go_another_way_now_and_in_a_replay(start: Start) -> None:
    @job("catches", on=Asked, retries=QUICK)
    async def catches(ctx: JobContext[Asked]) -> str:
        async def work() -> None:
            sys.exit("no more")

        try:
            await ctx.step.run("work", work)
        except StepFailed as failed:
            if ctx.attempt == 0:
                raise ConnectionError from failed
            return f"{failed.name} after {failed.attempts}: {failed.cause}"
        return "not reached"

    engine = await start([catches])
    sent = await engine.send(Asked())
    expected = f"NonRetriable after 1: {ErrorCause('SystemExit', 'no more')}"
    assert await engine.result(sent.run_ids[0], 5) == expected
    assert (await TestEngine(catches, event=Asked()).execute()).result == expected


# asyncio's own TaskGroup awaits when it is closed so, and says that it must not.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_run_whose_loop_is_gone_does_not_go_another_way() -> None:
    notes = Notes()

    @job("parked", on=Asked)
    async def parked(ctx: JobContext[Asked]) -> None:
        async def work() -> None:
            started.set()
            await asyncio.Event().wait()

        try:
            await ctx.step.run("work", work)
        except StepFailed:
            notes.write("went on")

    started = asyncio.Event()
    loop = asyncio.new_event_loop()
    task = loop.create_task(TestEngine(parked, event=Asked()).execute())
    loop.run_until_complete(started.wait())
    loop.close()
    del task
    gc.collect()  # closes what has been suspended: GeneratorExit, while no task runs it
    assert notes.lines == []


PROGRAM = """
import asyncio, signal, sys, time
from pathlib import Path
from engine import Engine, Event, JobContext, SqliteDatabase, job

signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite under nohup passes "ignore" on

@job("busy", on="test/asked")
async def busy(ctx: JobContext[dict]) -> str:
    async def work() -> str:
        if sys.argv[2] == "finish":
            return "finished"
        print("working", flush=True)
        if sys.argv[2] == "awaits":
            await asyncio.sleep(60)
        time.sleep(60)
        return "not reached"

    return await ctx.step.run("work", work)

async def main() -> None:
    database = SqliteDatabase(Path(sys.argv[1]))
    async with Engine(jobs=[busy], database=database, grace_s=0.1) as engine:
        if sys.argv[2] == "finish":
            print(await engine.result("busy:e1", 20), flush=True)
        else:
            sent = await engine.send(Event("test/asked", id="e1"))
            await engine.wait(sent.run_ids[0], None)

if sys.argv[2] == "bare loop":
    asyncio.new_event_loop().run_until_complete(main())
else:
    asyncio.run(main())
"""
ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["awaits", "blocks", "bare loop"])
def test_ctrl_c_ends_the_process_and_the_run_goes_on_in_the_next(tmp_path: Path, how: str) -> None:
    def start(mode: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", PROGRAM, str(tmp_path / "engine.db"), mode],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    with start(how) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGINT)
        while how == "blocks" and process.poll() is None:
            process.send_signal(signal.SIGINT)  # the first asks the loop, which the step blocks
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        assert process.wait(30) != 0
    with start("finish") as process:
        out, err = process.communicate(timeout=60)
        assert out == "finished\n", err
