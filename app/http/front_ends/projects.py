"""Projects as front end J makes, deletes and counts them."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from app.http.access import CONFLICT, AccessDep, api_router
from app.http.errors import InvalidRequest
from app.http.messages.wire import ID_LIMIT_CHARS
from app.http.parameters import IdempotencyKey
from app.http.projects import delete_project
from app.wire.shapes import NAME_LIMIT_CHARS, Answer, Body, Success
from core.ids import ProjectId
from store.records import PlanUsage

router = api_router("front ends")


class NamedProject(Body):
    """A project to make."""

    name: Annotated[str, Field(max_length=NAME_LIMIT_CHARS)] = ""


class LimitAnswer(Answer):
    """One project more may be made; `limit` is -1 where there is none."""

    allowed: Literal[True] = True
    current_usage: int
    limit: int


class CreatedAnswer(Answer):
    """The project is there."""

    project_id: ProjectId
    tracked: Literal[True] = True
    current_usage: int
    limit: int


class TrackedAnswer(Answer):
    """Projects are counted where they are made."""

    tracked: Literal[True] = True


class DeletedAnswer(Success):
    """It is gone."""

    message: str


@router.post("/projects/create")
async def create_named_project(
    body: NamedProject, access: AccessDep, key: IdempotencyKey = None
) -> CreatedAnswer:
    """Make an empty project, as `POST /api/projects`; 403 where the plan has no room for it."""
    if not body.name.strip():
        raise InvalidRequest("Project name is required", field="name")
    services, owner = access.services, access.caller.owner
    await services.plans.require_project(owner)
    project = await services.store.projects.create(owner=owner, name=body.name, key=key)
    usage = await services.store.plans.usage(owner)
    return CreatedAnswer(
        project_id=project.project_id, current_usage=usage.projects, limit=usage.project_limit
    )


@router.delete("/projects/delete", responses=CONFLICT)
async def delete_named_project(
    access: AccessDep,
    project_id: Annotated[
        ProjectId | None, Query(alias="projectId", max_length=ID_LIMIT_CHARS)
    ] = None,
) -> DeletedAnswer:
    """Delete a project with everything in it, as `DELETE /api/projects/{id}`."""
    if not project_id:
        raise InvalidRequest("Project ID is required", field="projectId")
    await delete_project(project_id, access.services, access.caller)
    return DeletedAnswer(message="Project deleted successfully")


@router.post("/projects/check-limit")
async def check_limit(access: AccessDep) -> LimitAnswer:
    """Whether one project more may be made; 403 with `allowed: false` where not."""
    usage = await access.services.plans.require_project(access.caller.owner)
    return _limit(usage)


@router.put("/projects/check-limit")
async def track_project(
    access: AccessDep,  # noqa: ARG001 - signed in
) -> TrackedAnswer:
    """Nothing is left to do: projects are counted where they are made."""
    return TrackedAnswer()


def _limit(usage: PlanUsage) -> LimitAnswer:
    return LimitAnswer(current_usage=usage.projects, limit=usage.project_limit)
