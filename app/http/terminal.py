"""A person's terminal over a websocket, as front ends with xterm.js speak it.

Binary messages are bytes of the terminal, both ways. Text messages are JSON: `{"type": "resize",
"cols", "rows"}`, `{"type": "input", "data"}` and `{"type": "close"}` from the client; `{"type":
"session", "session", "isNew"}`, `{"type": "exit", "code"}` and `{"type": "error", "error", "code"}`
from us.
"""

import asyncio
import json
import logging
from typing import Annotated, Literal

from fastapi import APIRouter, Path, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.http.context import Services
from app.http.errors import InvalidRequest, status_of
from app.http.origins import comes_from_a_page_of_ours
from app.http.sockets import (
    CLOSE_S,
    GOING_AWAY,
    ID_CHARS,
    NORMAL,
    POLICY,
    TOO_BIG,
    UNAVAILABLE,
    caller_of,
    can_be_a_name,
    chosen_protocol,
    close,
)
from app.services.terminals import NotTaken, Terminal, View, ViewEnd
from core.background import until_one_ends
from core.errors import Refused, Transient
from core.ids import ProjectId

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api")

INPUT_BYTES = 64 * 1024  # of one message
MAX_CELLS = 1_000
MAX_MISTAKES = 20

TAKEN_OVER = 4001
ENDED = 4010  # by us; the text says why

Cells = Annotated[int, Field(ge=1, le=MAX_CELLS, strict=True)]


class _Control(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Resize(_Control):
    """The window has another size."""

    type: Literal["resize"]
    cols: Cells
    rows: Cells


class Input(_Control):
    """Something was typed, for clients that send text."""

    type: Literal["input"]
    data: Annotated[str, Field(max_length=INPUT_BYTES)]


class Close(_Control):
    """End the shell; a client that only leaves comes back."""

    type: Literal["close"]


_CONTROLS: TypeAdapter[Resize | Input | Close] = TypeAdapter(
    Annotated[Resize | Input | Close, Field(discriminator="type")]
)


class _Query(BaseModel):
    """What the address says."""

    model_config = ConfigDict(extra="ignore")

    session: Annotated[str, Field(min_length=1, max_length=ID_CHARS)] | None = None
    cols: Annotated[int, Field(ge=1, le=MAX_CELLS)] = 80
    rows: Annotated[int, Field(ge=1, le=MAX_CELLS)] = 24


@router.websocket("/projects/{project_id}/terminal")
async def terminal(websocket: WebSocket, project_id: Annotated[str, Path()]) -> None:
    """See the module."""
    if not comes_from_a_page_of_ours(websocket):
        await websocket.close(POLICY)  # before it is accepted: 403
        return
    await websocket.accept(subprotocol=chosen_protocol(websocket, "polaris.terminal"))
    try:
        await _show(websocket, project_id)
    except WebSocketDisconnect:
        return
    except Refused as refused:
        is_missing = refused.code == "no_sandbox"
        code = UNAVAILABLE if is_missing else 4000 + status_of(refused)
        await _end(websocket, code, str(refused), refused.code)
    except Transient as trouble:
        await _end(websocket, UNAVAILABLE, "Something behind the API is away", trouble.code)


async def _show(websocket: WebSocket, project_id: str) -> None:
    services: Services = websocket.app.state.services
    caller = await caller_of(websocket)
    query = _query_of(websocket, project_id)
    project = await services.store.projects.owned(ProjectId(project_id), owner=caller.owner)
    async with services.terminals.viewed(
        project.project_id, owner=caller.owner, session_id=query.session
    ) as (shown, view):
        shown.shell.resize(query.cols, query.rows)
        is_new = query.session is None
        await _tell(websocket, type="session", session=shown.session_id, isNew=is_new)
        await _both_ways(websocket, shown, view)
        await _say_end(websocket, shown, view)


def _query_of(websocket: WebSocket, project_id: str) -> _Query:
    if not can_be_a_name(project_id):
        raise InvalidRequest("The path names no project", field="path")
    try:
        return _Query.model_validate(dict(websocket.query_params))
    except ValidationError as wrong:
        field = str(wrong.errors()[0]["loc"][0])
        raise InvalidRequest(f"{field} is not what the address takes", field=field) from None


async def _both_ways(websocket: WebSocket, shown: Terminal, view: View) -> None:
    """Until the view ends, or the client leaves."""
    await until_one_ends(_output(websocket, view), _input(websocket, shown))


async def _output(websocket: WebSocket, view: View) -> None:
    try:
        async for piece in view.pieces():
            await websocket.send_bytes(piece)
    except (RuntimeError, WebSocketDisconnect):  # it is closed, by us or by the client
        return


async def _input(websocket: WebSocket, shown: Terminal) -> None:
    mistakes = 0
    while mistakes < MAX_MISTAKES:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            await _take(message.get("bytes"), message.get("text"), shown)
        except NotTaken:
            words = "The program reads no input; some of it was dropped"
            await _tell(websocket, type="error", error=words, code="input_dropped")
        except (ValidationError, ValueError):
            mistakes += 1
            words = f"No message of a terminal, or one past its bounds (1 to {MAX_CELLS} cells)"
            await _tell(websocket, type="error", error=words, code="invalid_message")
        except _TooLong:
            await _end(websocket, TOO_BIG, f"More than {INPUT_BYTES} bytes at once", "too_large")
            return
    await _end(
        websocket, POLICY, "Too many messages that are none of a terminal", "invalid_message"
    )


class _TooLong(Exception):
    """A message is longer than what anybody types or pastes at once."""


async def _take(data: bytes | None, text: str | None, shown: Terminal) -> None:
    if data is None:
        if text is None or len(text) > 2 * INPUT_BYTES:
            raise _TooLong
        match _CONTROLS.validate_json(text):
            case Resize(cols=cols, rows=rows):
                shown.shell.resize(cols, rows)
                return
            case Close():
                shown.end("closed")
                return
            case Input(data=typed):
                data = typed.encode()
    if len(data) > INPUT_BYTES:
        raise _TooLong
    await shown.shell.write(data)


async def _say_end(websocket: WebSocket, shown: Terminal, view: View) -> None:
    match view.end:
        case None:  # the client has left, or was told to
            return
        case ViewEnd.TAKEN_OVER:
            await _end(websocket, TAKEN_OVER, "Opened in another window", "taken_over")
        case ViewEnd.CLOSED:
            await _end(websocket, GOING_AWAY, "The server stops", "going_away")
        case ViewEnd.EXITED:
            await _tell(websocket, type="exit", code=shown.exit_code)
            await close(websocket, ENDED if shown.why else NORMAL, shown.why)


async def _end(websocket: WebSocket, code: int, words: str, name: str) -> None:
    await _tell(websocket, type="error", error=words, code=name)
    await close(websocket, code, words)


async def _tell(websocket: WebSocket, **message: object) -> None:
    """Send a message of ours, unless the client has left or takes nothing."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await websocket.send_text(json.dumps(message, separators=(",", ":")))
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        log.debug("terminal_client_left")
