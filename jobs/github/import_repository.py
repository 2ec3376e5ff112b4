"""The job behind "Import from GitHub": the files of one commit into a new project."""

from dataclasses import dataclass
from typing import Literal

from core.ids import ProjectId
from engine import CancelOn, Concurrency, JobContext, StepFailed, job
from jobs.events import ImportRequested, TransferCancelled, sender_of
from jobs.github.importing import RepositoryImport
from jobs.github.waiting import once_github_answers
from jobs.github.work import GithubWork
from jobs.transfers import CLOSED, RETRY, mark_failed
from store.gateway import Store


@dataclass(frozen=True)
class ImportedRepository:
    """How it ended. `closed`: it was cancelled, or its project deleted, before that."""

    project_id: ProjectId
    status: Literal["completed", "closed"]
    files: int = 0
    skipped: int = 0


@job(
    "import-repository",
    on=ImportRequested,
    cancel_on=[CancelOn(TransferCancelled, match="data.transferId")],
    concurrency=[Concurrency(limit=1, key="event.data.projectId", counts="runs")],
    fairness="event.user.id",
    retries=RETRY,
    on_failure=mark_failed,
)
async def import_repository(ctx: JobContext[ImportRequested]) -> ImportedRepository:
    """Find the commit, fetch it, write its files, say what was left out."""
    asked = ctx.event.data
    steps = RepositoryImport(ctx.need(GithubWork), ctx.need(Store), asked, sender_of(ctx.event))
    try:
        source = await once_github_answers(ctx, "resolve", steps.resolve)
        await ctx.step.run("fetch", steps.fetch, source)
        imported = await ctx.step.run("write", steps.write, source)
        await ctx.step.run("finish", steps.finish, source, imported)
    except StepFailed as failed:
        if failed.code in CLOSED:
            return ImportedRepository(asked.project_id, "closed")
        raise
    return ImportedRepository(asked.project_id, "completed", imported.files, imported.skipped_count)
