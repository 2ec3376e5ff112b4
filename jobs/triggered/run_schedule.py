"""The job behind a schedule: at each tick it requests the task, until the schedule is changed."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from core.clock import Clock
from engine import CancelOn, Event, JobContext, job
from engine.cron import Cron, compile_cron
from jobs.answer.answer import RETRY
from jobs.events import sender_of, user_of
from jobs.triggered.events import ScheduleDeleted, ScheduleSet, TaskRequested
from jobs.triggered.tasks import Tasks

TICKS = 50  # of one run: its history stays short, and the next run goes on


@dataclass(frozen=True)
class Ended:
    """What ends a run of a schedule by itself: it has handed on to the next."""

    ticks: int


async def next_tick(clock: Clock, cron: str, timezone: str) -> datetime:
    """The next time at which the schedule is due."""
    return compile_cron("run-schedule", Cron(f"TZ={timezone} {cron}")).next_after(clock.now())


@job(
    "run-schedule",
    on=ScheduleSet,
    cancel_on=[
        CancelOn(ScheduleSet, match="data.scheduleId"),
        CancelOn(ScheduleDeleted, match="data.scheduleId"),
    ],
    fairness="event.user.id",
    retries=RETRY,
)
async def run_schedule(ctx: JobContext[ScheduleSet]) -> Ended:
    """Request the task at each tick; a changed or deleted schedule cancels the run.

    After `TICKS` it sets the schedule again as it is, which starts the next run and ends this one.
    """
    which, user = ctx.event.data, user_of(sender_of(ctx.event))
    if not which.is_active:
        await ctx.step.wait_for_event("inactive", ScheduleDeleted, match="data.scheduleId")
    for number in range(TICKS):
        due = partial(next_tick, ctx.need(Tasks).clock)
        at = await ctx.step.run(f"next-{number}", due, which.cron, which.timezone)
        await ctx.step.sleep_until(f"tick-{number}", at)
        task_run_id = f"{which.schedule_id}-{int(at.timestamp())}"
        asked = TaskRequested(
            task_run_id=task_run_id,
            task=which.task,
            payload=which.payload,
            schedule_id=which.schedule_id,
        )
        data = asked.model_dump(mode="json", by_alias=True)
        event = Event(TaskRequested.event_name, data, id=task_run_id, user=user)
        await ctx.step.send_event(f"request-{number}", event)
    data = which.model_dump(mode="json", by_alias=True)
    await ctx.step.send_event("go-on", Event(ScheduleSet.event_name, data, user=user))
    return Ended(TICKS)
