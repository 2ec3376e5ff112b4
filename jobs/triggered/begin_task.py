"""The job that begins a triggered task: once its delay is over, in the name of who triggered it."""

from dataclasses import dataclass
from functools import partial

from core.clock import Clock
from core.ids import OwnerId, RunId
from engine import JobContext, job
from jobs.answer.answer import RETRY
from jobs.events import sender_of
from jobs.triggered.events import TaskRequested, TaskRescheduled
from jobs.triggered.tasks import Begun, Tasks


@dataclass(frozen=True)
class _Beginning:
    """The one write of this job, safe to make twice: the run's id is its key."""

    tasks: Tasks
    asked: TaskRequested
    owner: OwnerId
    run_id: RunId

    async def begin(self) -> Begun:
        return await self.tasks.begin(
            self.asked.task, self.asked.payload, owner=self.owner, key=self.run_id
        )


async def seconds_until(clock: Clock, at_ms: int) -> float:
    """How long it is until then; 0 where it is over."""
    return max(0.0, at_ms / 1000 - clock.now().timestamp())


@job("begin-task", on=TaskRequested, fairness="event.user.id", retries=RETRY)
async def begin_task(ctx: JobContext[TaskRequested]) -> Begun:
    """Begin the task of the event; the result names the event whose run does it."""
    asked = ctx.event.data
    until_ms, change = asked.delay_until_ms, 0
    while until_ms is not None:
        left = partial(seconds_until, ctx.need(Tasks).clock)
        left_s = await ctx.step.run(f"left-{change}", left, until_ms)
        moved = await ctx.step.wait_for_event(
            f"delay-{change}", TaskRescheduled, match="data.taskRunId", timeout=left_s
        )
        until_ms, change = (moved.data.delay_until_ms if moved else None), change + 1
    beginning = _Beginning(
        ctx.need(Tasks), asked, owner=sender_of(ctx.event), run_id=RunId(ctx.run_id)
    )
    return await ctx.step.run("begin", beginning.begin)
