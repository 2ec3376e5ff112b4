"""Projects: routes, and what goes in and comes out."""

from typing import Annotated

from fastapi import Query
from pydantic import Field, computed_field

from app.http.access import CONFLICT, CallerDep, ServicesDep, api_router
from app.http.errors import InvalidRequest
from app.http.parameters import Cursor, IdempotencyKey
from app.http.project_settings import ChosenSettings, Command
from app.http.runs import RealtimeToken
from app.services.plans import Feature
from app.wire.shapes import Answer, Body, CreationTimes, Millis, Name, Success
from core.ids import ProjectId
from store.records import SettingsChange

router = api_router("projects")


class NewProject(Body):
    """A project to make."""

    name: Annotated[Name, Field(examples=["my-shop"])]


class PreviewCommands(Body):
    """Commands of the preview; what is left out becomes the default."""

    install_command: Command | None = Field(None, examples=["npm install"])
    dev_command: Command | None = Field(None, examples=["npm run dev"])


class ProjectPatch(Body):
    """What to change of a project; at least one of the two. See also `/settings`."""

    name: Name | None = None
    settings: PreviewCommands | None = None


class ProjectRepositoryAnswer(Answer):
    """Where a project came from or went to last, and the commit that both had in common."""

    repository: Annotated[str, Field(examples=["owner/repository"])]
    url: str
    branch: str
    folder: Annotated[str, Field(description="The project is only this folder; empty: all of it.")]
    commit: str
    synced_at: Millis


class ProjectAnswer(CreationTimes):
    """A project."""

    project_id: ProjectId
    owner_id: str
    name: str
    updated_at: Millis
    settings: ChosenSettings
    import_status: str | None = None
    export_status: str | None = None
    export_repo_url: str | None = None
    repository: ProjectRepositoryAnswer | None = None

    @computed_field(alias="_id")
    @property
    def row_id(self) -> ProjectId:
        """The same id, under Convex's name."""
        return self.project_id


class ProjectPage(Answer):
    """Projects, last updated first."""

    projects: tuple[ProjectAnswer, ...]
    next_cursor: str | None = None


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
    await services.plans.require(caller.owner, Feature.PROJECTS)
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
    """Rename a project, replace the commands of its preview, or both."""
    if body.name is None and body.settings is None:
        raise InvalidRequest("Nothing to change: give name or settings")
    projects = services.store.projects
    project = await projects.owned(project_id, owner=caller.owner)
    if body.settings is not None:
        change: SettingsChange = {
            "install_command": body.settings.install_command,
            "dev_command": body.settings.dev_command,
        }
        project = await projects.configure(project_id, owner=caller.owner, change=change)
    if body.name is not None:
        project = await projects.rename(project_id, owner=caller.owner, name=body.name)
    return ProjectAnswer.model_validate(project)


@router.post("/projects/{project_id}/realtime")
async def follow_project(
    project_id: ProjectId, services: ServicesDep, caller: CallerDep
) -> RealtimeToken:
    """A token for `GET /api/realtime`, on the channel `project:{id}`; it expires after a minute."""
    await services.store.projects.owned(project_id, owner=caller.owner)
    channel, token = services.engine.project_token(project_id)
    return RealtimeToken(channel=channel, token=token)


@router.delete("/projects/{project_id}", responses=CONFLICT)
async def delete_project(
    project_id: ProjectId, services: ServicesDep, caller: CallerDep
) -> Success:
    """Delete a project with everything in it; answers being written are cancelled.

    For 30 seconds `POST …/restore` takes it back.
    """
    await services.messaging.delete_project(project_id, owner=caller.owner)
    services.terminals.end_project(project_id)
    services.editing.end_project(project_id)
    services.previews.end_project(project_id)
    return Success()


@router.post("/projects/{project_id}/restore", responses=CONFLICT, response_model_exclude_none=True)
async def restore_project(
    project_id: ProjectId, services: ServicesDep, caller: CallerDep
) -> ProjectAnswer:
    """Take back the deletion of a project, at most 30 seconds ago.

    Cancelled answers stay cancelled.
    """
    project = await services.store.projects.restore(project_id, owner=caller.owner)
    return ProjectAnswer.model_validate(project)
