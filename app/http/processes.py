"""Processes: the servers and watchers that the agent has started in a project."""

from typing import Annotated

from fastapi import Path
from pydantic import Field

from app.http.access import AccessDep, api_router
from app.wire.shapes import Answer, Millis
from core.ids import ProjectId

router = api_router("projects")

ProcessId = Annotated[str, Path(max_length=20, examples=["p1"])]


class ProcessAnswer(Answer):
    """A process; once it has ended, when and how."""

    process_id: str
    command: str
    started_at: Millis
    output: str = Field(description="The last 16 KiB that it printed, without colours")
    ending: str | None = Field(None, description="exited, stopped, timeout, output, memory, tasks")
    ended_at: Millis | None = None
    exit_code: int | None = Field(None, description="Missing where it was ended from outside")


class ProcessesAnswer(Answer):
    """Those that run, and the newest that have ended, by their start."""

    processes: tuple[ProcessAnswer, ...]


@router.get("/projects/{project_id}/processes", response_model_exclude_none=True)
async def list_processes(project_id: ProjectId, access: AccessDep) -> ProcessesAnswer:
    """What the agent has started in the project and goes on, with what it printed last.

    An API that runs apart from its workers knows nothing of theirs.
    """
    found = await access.services.processes.listed(project_id, owner=access.caller.owner)
    return ProcessesAnswer(processes=tuple(ProcessAnswer.model_validate(it) for it in found))


@router.post("/projects/{project_id}/processes/{process_id}/stop", response_model_exclude_none=True)
async def stop_process(
    project_id: ProjectId, process_id: ProcessId, access: AccessDep
) -> ProcessAnswer:
    """End it with all that it has started; one that has ended stays as it is."""
    ended = await access.services.processes.stop(project_id, process_id, owner=access.caller.owner)
    return ProcessAnswer.model_validate(ended)
