"""The job behind the import of an archive: its files into a new project."""

from dataclasses import dataclass
from typing import Literal

from core.ids import ProjectId
from engine import CancelOn, Concurrency, JobContext, StepFailed, job
from jobs.archives.importing import ArchiveImport
from jobs.events import ArchiveImportRequested, TransferCancelled, sender_of
from jobs.github.work import GithubWork
from jobs.transfers import CLOSED, RETRY, mark_failed
from store.gateway import Store


@dataclass(frozen=True)
class ImportedArchive:
    """How it ended. `closed`: it was cancelled, or its project deleted, before that."""

    project_id: ProjectId
    status: Literal["completed", "closed"]
    files: int = 0
    skipped: int = 0


@job(
    "import-archive",
    on=ArchiveImportRequested,
    cancel_on=[CancelOn(TransferCancelled, match="data.transferId")],
    concurrency=[Concurrency(limit=1, key="event.data.projectId", counts="runs")],
    fairness="event.user.id",
    retries=RETRY,
    on_failure=mark_failed,
)
async def import_archive(ctx: JobContext[ArchiveImportRequested]) -> ImportedArchive:
    """Write the files of the archive, say what was left out."""
    asked = ctx.event.data
    steps = ArchiveImport(ctx.need(GithubWork), ctx.need(Store), asked, sender_of(ctx.event))
    try:
        unpacked = await ctx.step.run("write", steps.write)
        await ctx.step.run("finish", steps.finish, unpacked)
    except StepFailed as failed:
        if failed.code in CLOSED:
            return ImportedArchive(asked.project_id, "closed")
        raise
    return ImportedArchive(asked.project_id, "completed", unpacked.files, unpacked.skipped_count)
