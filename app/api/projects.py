"""Routes of projects."""

from typing import Annotated

from fastapi import Query

from app.api.access import CONFLICT, CallerDep, ServicesDep, api_router
from app.api.wire import (
    Cursor,
    IdempotencyKey,
    NewProject,
    ProjectAnswer,
    ProjectPage,
    ProjectPatch,
    Success,
)
from app.errors import InvalidRequest
from core.ids import ProjectId
from store.records import ProjectSettings

router = api_router("projects")


@router.get("/projects", response_model_exclude_none=True)
async def list_projects(
    services: ServicesDep,
    caller: CallerDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Cursor = None,
) -> ProjectPage:
    """The caller's projects, last updated first."""
    page = await services.store.projects.list(owner=caller.owner, limit=limit, cursor=cursor)
    items = tuple(ProjectAnswer.model_validate(row) for row in page.items)
    return ProjectPage(projects=items, next_cursor=page.next_cursor)


@router.post("/projects", status_code=201, response_model_exclude_none=True)
async def create_project(
    body: NewProject, services: ServicesDep, caller: CallerDep, key: IdempotencyKey = None
) -> ProjectAnswer:
    """Make an empty project."""
    project = await services.store.projects.create(owner=caller.owner, name=body.name, key=key)
    return ProjectAnswer.model_validate(project)


@router.get("/projects/{project_id}", response_model_exclude_none=True)
async def get_project(
    project_id: ProjectId, services: ServicesDep, caller: CallerDep
) -> ProjectAnswer:
    """One project."""
    project = await services.store.projects.owned(project_id, owner=caller.owner)
    return ProjectAnswer.model_validate(project)


@router.patch("/projects/{project_id}", response_model_exclude_none=True)
async def change_project(
    project_id: ProjectId, body: ProjectPatch, services: ServicesDep, caller: CallerDep
) -> ProjectAnswer:
    """Rename a project, replace its settings, or both."""
    if body.name is None and body.settings is None:
        raise InvalidRequest("Nothing to change: give name or settings")
    projects = services.store.projects
    project = await projects.owned(project_id, owner=caller.owner)
    if body.settings is not None:
        settings = ProjectSettings(
            install_command=body.settings.install_command, dev_command=body.settings.dev_command
        )
        project = await projects.configure(project_id, owner=caller.owner, settings=settings)
    if body.name is not None:
        project = await projects.rename(project_id, owner=caller.owner, name=body.name)
    return ProjectAnswer.model_validate(project)


@router.delete("/projects/{project_id}", responses=CONFLICT)
async def delete_project(
    project_id: ProjectId, services: ServicesDep, caller: CallerDep
) -> Success:
    """Delete a project with everything in it; answers being written are cancelled."""
    await services.messaging.delete_project(project_id, owner=caller.owner)
    return Success()
