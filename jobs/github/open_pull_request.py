"""The job behind "Open a pull request": a project's changes on a branch, and the request."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.ids import ProjectId
from engine import CancelOn, Concurrency, JobContext, StepFailed, job
from jobs.events import ProposalRequested, TransferCancelled, sender_of
from jobs.github.proposing import Proposed, PullRequesting
from jobs.github.waiting import Waiting, once_github_answers
from jobs.github.work import GithubWork
from jobs.transfers import CLOSED, RETRY, mark_failed
from store.gateway import Store
from store.records import OpenedPullRequest


@dataclass(frozen=True)
class ProposedProject:
    """How it ended. `closed`: it was cancelled, or its project deleted, before that."""

    project_id: ProjectId
    status: Literal["completed", "closed"]
    number: int | None = None
    url: str | None = None


@job(
    "open-pull-request",
    on=ProposalRequested,
    cancel_on=[CancelOn(TransferCancelled, match="data.transferId")],
    concurrency=[Concurrency(limit=1, key="event.data.projectId", counts="runs")],
    fairness="event.user.id",
    retries=RETRY,
    on_failure=mark_failed,
)
async def open_pull_request(ctx: JobContext[ProposalRequested]) -> ProposedProject:
    """Find the branches, push one, open the pull request or find it open."""
    asked = ctx.event.data
    steps = PullRequesting(ctx.need(GithubWork), ctx.need(Store), asked, sender_of(ctx.event))
    asked_at: datetime = ctx.event.ts
    try:
        target = await once_github_answers(ctx, "find-target", steps.find_target)

        async def pushed() -> Proposed | Waiting:
            return await steps.push(target, asked_at)

        proposed = await once_github_answers(ctx, "push", pushed)

        async def opened() -> OpenedPullRequest | Waiting:
            return await steps.open(target, proposed)

        request = await once_github_answers(ctx, "open", opened)
        await ctx.step.run("finish", steps.finish, target, proposed, request)
    except StepFailed as failed:
        if failed.code in CLOSED:
            return ProposedProject(asked.project_id, "closed")
        raise
    return ProposedProject(asked.project_id, "completed", request.number, request.url)
