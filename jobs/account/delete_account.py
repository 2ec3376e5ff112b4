"""The job that deletes an account: all that is a person's, wherever it is kept."""

from dataclasses import dataclass
from typing import Literal

from engine import Concurrency, JobContext, NonRetriable, RetryPolicy, job
from jobs.account.leaving import Leaving, Traces
from jobs.events import AccountDeletionRequested
from store.gateway import Store

RETRY = RetryPolicy(max_attempts=10, min_timeout=1.0, max_timeout=300.0)
LOOKS = 300  # at what is emptied behind: with the pauses, some two hours
LONGEST_PAUSE_S = 30.0
LATE_S = 12.0  # what was on its way when the deletion began has arrived: the relay gives up at 10 s


@dataclass(frozen=True)
class DeletedAccount:
    """How it ended."""

    status: Literal["deleted"] = "deleted"


@job(
    "delete-account",
    on=AccountDeletionRequested,
    concurrency=[Concurrency(limit=1, key="event.data.deletionId", counts="runs")],
    retries=RETRY,
)
async def delete_account(ctx: JobContext[AccountDeletionRequested]) -> DeletedAccount:
    """Stop and hide everything, wait until it is emptied, then remove what knows the person."""
    leaving = Leaving(ctx.need(Store), ctx.need(Traces), ctx.event.data.deletion_id)
    await ctx.step.run("stop", leaving.stop)
    await _emptied(ctx, leaving)
    await ctx.step.run("clear", leaving.clear)
    for number in range(LOOKS):
        await ctx.step.sleep(f"late-{number}", LATE_S)
        if await ctx.step.run(f"finish-{number}", leaving.finish):
            return DeletedAccount()
    raise NonRetriable("something of the account keeps coming")


async def _emptied(ctx: JobContext[AccountDeletionRequested], leaving: Leaving) -> None:
    pause_s = 0.25
    for number in range(LOOKS):
        if await ctx.step.run(f"emptied-{number}", leaving.are_emptied):
            return
        await ctx.step.sleep(f"pause-{number}", pause_s)
        pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
    raise NonRetriable("the projects of the account are not emptied")
