"""Small calls of the editor: a completion at the cursor, a quick edit of a selection."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, TypeVar

from fastapi import Request
from pydantic import Field

from app.http.access import CallerDep, ServicesDep, api_router
from app.http.errors import InvalidRequest
from app.services.completing import AtCursor
from app.wire.shapes import Answer, Body
from core.background import until_one_ends
from core.ids import ProjectId

router = api_router("editor")

T = TypeVar("T")

Code = Annotated[str, Field(max_length=1_000_000)]
Line = Annotated[str, Field(max_length=100_000)]


class SuggestionRequest(Body):
    """Where the cursor is: `textBeforeCursor` and `textAfterCursor` are of its line."""

    project_id: ProjectId | None = Field(None, description="Whose usage it counts for.")
    file_name: Annotated[str, Field(max_length=1_000)] = ""
    code: Code = ""
    current_line: Line = ""
    previous_lines: Code = ""
    text_before_cursor: Line = ""
    text_after_cursor: Line = ""
    next_lines: Code = ""
    line_number: Annotated[int, Field(ge=0, le=10_000_000)] = 0


class Suggestion(Answer):
    """What may belong at the cursor; "" for nothing."""

    suggestion: str


class QuickEditRequest(Body):
    """A selection of a file, and what is to become of it; URLs in the instruction are read."""

    project_id: ProjectId | None = Field(None, description="Whose usage it counts for.")
    selected_code: Annotated[str, Field(max_length=100_000)] = ""
    full_code: Code = ""
    instruction: Annotated[str, Field(max_length=10_000)] = ""


class QuickEdit(Answer):
    """The selection's new text."""

    edited_code: str


@router.post("/suggestion")
async def suggest(
    body: SuggestionRequest,
    request: Request,
    services: ServicesDep,
    caller: CallerDep,
) -> Suggestion:
    """Complete the line at the cursor; the next keystroke cancels it by closing the connection."""
    if not body.code:
        raise InvalidRequest("Code is required", field="code")
    at = _cursor(body)
    spend = partial(services.metering.spend, owner=caller.owner, project_id=body.project_id)
    said = await while_connected(request, lambda: services.completing.suggestion(at, spend=spend))
    return Suggestion(suggestion=said or "")


@router.post("/quick-edit")
async def quick_edit(
    body: QuickEditRequest,
    request: Request,
    services: ServicesDep,
    caller: CallerDep,
) -> QuickEdit:
    """Rewrite a selection as the instruction says."""
    if not body.selected_code:
        raise InvalidRequest("Selected code is required", field="selectedCode")
    if not body.instruction.strip():
        raise InvalidRequest("Instruction is required", field="instruction")
    spend = partial(services.metering.spend, owner=caller.owner, project_id=body.project_id)
    edited = await while_connected(
        request,
        lambda: services.completing.edit(
            body.selected_code, file=body.full_code, instruction=body.instruction, spend=spend
        ),
    )
    return QuickEdit(edited_code=edited or "")


def _cursor(body: SuggestionRequest) -> AtCursor:
    """From the lines of the request, or from the whole file where it names none."""
    before, after = body.text_before_cursor, body.text_after_cursor
    if body.previous_lines or body.next_lines or before or after:
        above = f"{body.previous_lines}\n" if body.previous_lines else ""
        below = f"\n{body.next_lines}" if body.next_lines else ""
        return AtCursor(body.file_name, f"{above}{before}", f"{after}{below}")
    lines = body.code.split("\n")
    number = min(max(body.line_number, 1), len(lines))
    return AtCursor(body.file_name, "\n".join(lines[:number]), "\n" + "\n".join(lines[number:]))


async def while_connected(request: Request, work: Callable[[], Awaitable[T]]) -> T | None:
    """What `work` comes to; None when the client has gone, and `work` is cancelled."""
    done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    async def do() -> None:
        try:
            done.set_result(await work())
        except Exception as fault:  # noqa: BLE001 - it is raised below
            done.set_exception(fault)

    async def leave() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    await until_one_ends(do(), leave())
    return done.result() if done.done() else None
