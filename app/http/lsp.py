"""The Language Server Protocol over a websocket, as editors in a browser speak it.

Each text message is one JSON-RPC message, as vscode-ws-jsonrpc and CodeMirror's clients frame it.
The project stands in `file:///workspace`.
"""

import asyncio
import logging
from typing import Annotated

from fastapi import APIRouter, Path, WebSocket, WebSocketDisconnect

from app.http.context import Services
from app.http.errors import InvalidRequest, status_of
from app.http.origins import comes_from_a_page_of_ours
from app.http.sockets import (
    GOING_AWAY,
    NORMAL,
    POLICY,
    TOO_BIG,
    UNAVAILABLE,
    caller_of,
    can_be_a_name,
    chosen_protocol,
    close,
)
from app.services.editing import Editing, Outlet, TooManyMistakes
from core.errors import Refused, Transient
from core.ids import OwnerId, ProjectId

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api")

MESSAGE_CHARS = 1024 * 1024  # the server takes no longer ones either
IDLE_S = 1800.0  # without a message of the editor
SEND_S = 20.0  # for one message

NO_TEXT = 1003
IDLE, TOO_SLOW = 4408, 4413

_ENDS = {
    "too slow": (TOO_SLOW, "The editor takes less than it is told"),
    "gone": (4404, "The project was deleted"),
    "closed": (GOING_AWAY, "The server stops"),
    "failed": (UNAVAILABLE, "A fault on our side"),
    "idle": (IDLE, "Nothing was asked for half an hour"),
}


@router.websocket("/projects/{project_id}/lsp/{language}")
async def language_server(
    websocket: WebSocket, project_id: Annotated[str, Path()], language: Annotated[str, Path()]
) -> None:
    """See the module."""
    if not comes_from_a_page_of_ours(websocket):
        await websocket.close(POLICY)  # before it is accepted: 403
        return
    await websocket.accept(subprotocol=chosen_protocol(websocket, "polaris.lsp"))
    try:
        await _serve(websocket, project_id, language)
    except WebSocketDisconnect:
        return
    except Refused as refused:
        await close(websocket, 4000 + status_of(refused), str(refused))
    except Transient:
        await close(websocket, UNAVAILABLE, "Something behind the API is away")


async def _serve(websocket: WebSocket, project_id: str, language: str) -> None:
    services: Services = websocket.app.state.services
    caller = await caller_of(websocket)
    if not all(map(can_be_a_name, (project_id, language))):
        raise InvalidRequest("The path names no project and language", field="path")
    project = await services.store.projects.owned(ProjectId(project_id), owner=caller.owner)
    code, words = await _edit(
        websocket, services.editing, project.project_id, owner=caller.owner, language=language
    )
    await close(websocket, code, words)


async def _edit(
    websocket: WebSocket,
    editing: Editing,
    project_id: ProjectId,
    *,
    owner: OwnerId,
    language: str,
) -> tuple[int, str]:
    """Until the editor leaves or has to; how the websocket is to be closed."""
    async with editing.joined(project_id, owner=owner, language=language) as (editor, outlet):
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(_tell(websocket, outlet))
            try:
                while not editor.is_over and not outlet.why:
                    text = await _next(websocket, telling)
                    if text is None:
                        break
                    editor.take(text)
            except TimeoutError:
                outlet.end("idle")
            except TooManyMistakes as mistakes:
                return POLICY, str(mistakes)
            except _NoText as wrong:
                return wrong.args[0], wrong.args[1]
            finally:
                telling.cancel()
        return _ENDS.get(outlet.why, (NORMAL, ""))


class _NoText(Exception):
    """A message that is no text, or too long a one: the code and the words of the end."""


async def _next(websocket: WebSocket, telling: asyncio.Task[None]) -> str | None:
    """The next message; None when the editor has left, or is told nothing more."""
    async with asyncio.timeout(IDLE_S), asyncio.TaskGroup() as tasks:
        receiving = tasks.create_task(websocket.receive())
        await asyncio.wait((receiving, telling), return_when=asyncio.FIRST_COMPLETED)
        if not receiving.done():
            receiving.cancel()
    if receiving.cancelled() or receiving.result()["type"] == "websocket.disconnect":
        return None
    text: str | None = receiving.result().get("text")
    if text is None:
        raise _NoText(NO_TEXT, "Messages are texts, one of JSON-RPC each")
    if len(text) > MESSAGE_CHARS:
        raise _NoText(TOO_BIG, f"A message has at most {MESSAGE_CHARS:,} characters")
    return text


async def _tell(websocket: WebSocket, outlet: Outlet) -> None:
    """Send what there is to tell, until the outlet ends or the editor has left."""
    try:
        async for text in outlet.texts():
            async with asyncio.timeout(SEND_S):
                await websocket.send_text(text)
    except TimeoutError:
        outlet.end("too slow")
    except (RuntimeError, WebSocketDisconnect):  # it is closed, by us or by the editor
        return
