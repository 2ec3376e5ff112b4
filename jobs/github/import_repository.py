"""The job behind "Import from GitHub": the files of one commit into a new project."""

from dataclasses import dataclass
from typing import Literal

from core.ids import ProjectId
from engine import CancelOn, Concurrency, FailureContext, JobContext, StepFailed, job
from jobs.events import ImportRequested, TransferCancelled, sender_of
from jobs.github.importing import RepositoryImport, Source
from jobs.github.work import CLOSED, RETRY, GithubWork, Waiting, fail_transfer
from store.gateway import Store


@dataclass(frozen=True)
class ImportedRepository:
    """How it ended. `closed`: it was cancelled, or its project deleted, before that."""

    project_id: ProjectId
    status: Literal["completed", "closed"]
    files: int = 0
    skipped: int = 0


async def mark_failed(ctx: FailureContext[ImportRequested]) -> None:
    """Close the transfer with the reason; its files go."""
    await fail_transfer(ctx, ctx.event.data.transfer_id)


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
        source = await _resolved(ctx, steps)
        await ctx.step.run("fetch", steps.fetch, source)
        imported = await ctx.step.run("write", steps.write, source)
        await ctx.step.run("finish", steps.finish, source, imported)
    except StepFailed as failed:
        if failed.code in CLOSED:
            return ImportedRepository(asked.project_id, "closed")
        raise
    return ImportedRepository(asked.project_id, "completed", imported.files, imported.skipped_count)


async def _resolved(ctx: JobContext[ImportRequested], steps: RepositoryImport) -> Source:
    """The commit; asleep while GitHub takes no requests."""
    while True:
        found = await ctx.step.run("resolve", steps.resolve)
        if not isinstance(found, Waiting):
            return found
        await ctx.step.sleep_until("wait-for-github", found.until)
