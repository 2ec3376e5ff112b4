"""Search in the texts of a project's files."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import Field

from app.http.access import AccessDep, api_router
from app.http.completing import while_connected
from app.services.searching import MAX_GLOB_CHARS, MAX_PATTERN_CHARS, FoundLines, Pattern
from app.wire.shapes import Answer
from core.ids import ProjectId

router = api_router("files")

MOST = 200


class FoundLineAnswer(Answer):
    """A line that matches. Columns count characters."""

    path: str
    line: int = Field(description="From 1.")
    column: int = Field(description="Where the first match begins, from 1.")
    text: str = Field(description="The line, or 200 characters of a long one around the match.")
    text_column: int = Field(description="At which column of the line `text` begins.")


class FoundAnswer(Answer):
    """The first lines that match, by path and line."""

    matches: tuple[FoundLineAnswer, ...]
    total: int = Field(description="How many lines match.")
    is_complete: bool = Field(description="Whether all files could be searched in time.")


@router.get("/projects/{project_id}/search")
async def search(  # noqa: PLR0913, PLR0917 - FastAPI reads them from the signature
    project_id: ProjectId,
    request: Request,
    access: AccessDep,
    q: Annotated[str, Query(min_length=1, max_length=MAX_PATTERN_CHARS, description="One line.")],
    regex: Annotated[bool, Query(description="Whether `q` is a regular expression.")] = False,
    case_sensitive: Annotated[bool, Query(alias="caseSensitive")] = False,
    glob: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=MAX_GLOB_CHARS,
            description="Only files like this: `*.ts`, `src/**`, `!**/*.test.ts`.",
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> FoundAnswer:
    """Lines of the project's files that match; what `.gitignore` names and binaries are left out.

    A client that leaves ends the search.
    """
    services, caller = access.services, access.caller
    project = await services.store.projects.owned(project_id, owner=caller.owner)
    pattern = Pattern(q, regex, case_sensitive, glob)
    found = await while_connected(
        request,
        lambda: services.searching.search(
            project.project_id, pattern, owner=caller.owner, most=limit
        ),
    )
    return FoundAnswer.model_validate(found or FoundLines())
