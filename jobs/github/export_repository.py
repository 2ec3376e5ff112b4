"""The job behind "Export to GitHub": a project's files as one commit of a repository."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.ids import ProjectId
from engine import CancelOn, Concurrency, JobContext, StepFailed, job
from jobs.events import ExportRequested, TransferCancelled, sender_of
from jobs.github.exporting import RepositoryExport
from jobs.github.waiting import once_github_answers
from jobs.github.work import GithubWork
from jobs.transfers import CLOSED, RETRY, mark_failed
from store.gateway import Store


@dataclass(frozen=True)
class ExportedProject:
    """How it ended. `closed`: it was cancelled, or its project deleted, before that."""

    project_id: ProjectId
    status: Literal["completed", "closed"]
    repository: str | None = None
    commit: str | None = None


@job(
    "export-repository",
    on=ExportRequested,
    cancel_on=[CancelOn(TransferCancelled, match="data.transferId")],
    concurrency=[Concurrency(limit=1, key="event.data.projectId", counts="runs")],
    fairness="event.user.id",
    retries=RETRY,
    on_failure=mark_failed,
)
async def export_repository(ctx: JobContext[ExportRequested]) -> ExportedProject:
    """Find or make the repository, push one commit on top of what it has, say which."""
    asked = ctx.event.data
    steps = RepositoryExport(ctx.need(GithubWork), ctx.need(Store), asked, sender_of(ctx.event))
    asked_at: datetime = ctx.event.ts
    try:
        target = await once_github_answers(ctx, "find-target", steps.find_target)
        exported = await ctx.step.run("push", steps.push, target, asked_at)
        await ctx.step.run("finish", steps.finish, target, exported)
    except StepFailed as failed:
        if failed.code in CLOSED:
            return ExportedProject(asked.project_id, "closed")
        raise
    return ExportedProject(asked.project_id, "completed", target.repository, exported.commit)
