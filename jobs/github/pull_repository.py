"""The job behind "Pull from GitHub": what is new in the repository, merged into the project."""

from dataclasses import dataclass
from typing import Literal

from core.ids import ProjectId
from engine import CancelOn, Concurrency, JobContext, StepFailed, job
from jobs.events import PullRequested, TransferCancelled, sender_of
from jobs.github.pulling import Pulled, RepositoryPull
from jobs.github.waiting import once_github_answers
from jobs.github.work import GithubWork
from jobs.transfers import CLOSED, RETRY, mark_failed
from store.gateway import Store


@dataclass(frozen=True)
class PulledProject:
    """How it ended. `closed`: it was cancelled, or its project deleted, before that."""

    project_id: ProjectId
    status: Literal["completed", "closed"]
    commit: str | None = None
    changes: int = 0


@job(
    "pull-repository",
    on=PullRequested,
    cancel_on=[CancelOn(TransferCancelled, match="data.transferId")],
    concurrency=[Concurrency(limit=1, key="event.data.projectId", counts="runs")],
    fairness="event.user.id",
    retries=RETRY,
    on_failure=mark_failed,
)
async def pull_repository(ctx: JobContext[PullRequested]) -> PulledProject:
    """Find the branch's commit, fetch it and the last one, merge, remember what is in common."""
    asked = ctx.event.data
    steps = RepositoryPull(ctx.need(GithubWork), ctx.need(Store), asked, sender_of(ctx.event))
    try:
        head = await once_github_answers(ctx, "resolve", steps.resolve)
        pulled = Pulled()
        if head.is_new:
            await ctx.step.run("fetch", steps.fetch, head)
            pulled = await ctx.step.run("merge", steps.merge, head)
        await ctx.step.run("finish", steps.finish, head, pulled)
    except StepFailed as failed:
        if failed.code in CLOSED:
            return PulledProject(asked.project_id, "closed")
        raise
    return PulledProject(asked.project_id, "completed", head.commit, pulled.changes)
