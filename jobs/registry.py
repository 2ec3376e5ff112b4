"""Every job of the product; the wiring hands them to the engine."""

from typing import Any

from engine import Job
from jobs.account.delete_account import delete_account
from jobs.archives.import_archive import import_archive
from jobs.generate.generate_project import generate_project
from jobs.github.export_repository import export_repository
from jobs.github.import_repository import import_repository
from jobs.github.open_pull_request import open_pull_request
from jobs.github.pull_repository import pull_repository
from jobs.message.process_message import process_message
from jobs.message.title_conversation import title_conversation
from jobs.task.run_task import run_task
from jobs.triggered.begin_task import begin_task
from jobs.triggered.run_schedule import run_schedule

JOBS: tuple[Job[Any, Any], ...] = (
    process_message,
    title_conversation,
    run_task,
    import_repository,
    export_repository,
    pull_repository,
    open_pull_request,
    import_archive,
    generate_project,
    begin_task,
    run_schedule,
    delete_account,
)
