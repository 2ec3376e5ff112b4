"""Previews: the route that gives an address. What is shown there: app/http/preview/."""

from typing import Annotated

from pydantic import Field

from app.http.access import AccessDep, api_router
from app.wire.shapes import Answer, Body
from core.ids import ProjectId

router = api_router("projects")


class PreviewBody(Body):
    """What to look at."""

    port: Annotated[int, Field(ge=1, le=65_535, strict=True, examples=[5173])]


class PreviewAnswer(Answer):
    """Where a browser looks at it."""

    url: str = Field(description="To be opened within a minute, in a window or a frame")


@router.post("/projects/{project_id}/preview")
async def open_preview(
    project_id: ProjectId, body: PreviewBody, access: AccessDep
) -> PreviewAnswer:
    """An address that shows what listens on this port in the project's sandbox.

    It is on an origin of its own for each project and port. Opened, it gives the browser a cookie
    of that origin, which is good for 12 hours.
    """
    services, owner = access.services, access.caller.owner
    project = await services.store.projects.owned(project_id, owner=owner)
    url = services.previews.address(project.project_id, owner=owner, port=body.port)
    return PreviewAnswer(url=url)
