"""An editor that speaks the Language Server Protocol over its websocket, one message at a time."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiohttp

from tests.support.api_client import Api

WAIT_S = 90.0  # for a server that starts on a busy machine
ROOT = "file:///workspace"


class Editor:
    """One websocket; what comes is kept by what it is."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self._ids = count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self.told: list[dict[str, Any]] = []
        """Notifications and answers without an id."""

    async def next(self) -> None:
        async with asyncio.timeout(WAIT_S):
            message = await self.socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            said = json.loads(message.data)
            assert said["jsonrpc"] == "2.0"
            if said.get("id") is not None and "method" not in said:
                self._answers[said["id"]] = said
            else:
                self.told.append(said)

    async def notify(self, method: str, **params: Any) -> None:
        await self.socket.send_json({"jsonrpc": "2.0", "method": method, "params": params})

    async def send(self, method: str, **params: Any) -> int:
        number = next(self._ids)
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        await self.socket.send_json(message)
        return number

    async def answer(self, number: int) -> dict[str, Any]:
        while number not in self._answers:
            await self.next()
            assert not self.socket.closed, (self.socket.close_code, self.told)
        return self._answers.pop(number)

    async def ask(self, method: str, **params: Any) -> Any:
        """A request that succeeds; its result."""
        answer = await self.answer(await self.send(method, **params))
        assert "error" not in answer, answer
        return answer["result"]

    async def refused(self, method: str, **params: Any) -> dict[str, Any]:
        return (await self.answer(await self.send(method, **params)))["error"]

    async def initialize(self) -> dict[str, Any]:
        root = {"rootUri": ROOT, "workspaceFolders": [{"uri": ROOT, "name": "project"}]}
        result = await self.ask("initialize", processId=None, capabilities={}, **root)
        await self.notify("initialized")
        return result

    async def open(self, path: str, text: str, *, version: int = 1, language: str = "") -> None:
        document = {"uri": f"{ROOT}/{path}", "languageId": language or "typescript"}
        document |= {"version": version, "text": text}
        await self.notify("textDocument/didOpen", textDocument=document)

    async def change(self, path: str, version: int, *changes: dict[str, Any]) -> None:
        document = {"uri": f"{ROOT}/{path}", "version": version}
        await self.notify(
            "textDocument/didChange", textDocument=document, contentChanges=list(changes)
        )

    async def close(self, path: str) -> None:
        await self.notify("textDocument/didClose", textDocument={"uri": f"{ROOT}/{path}"})

    async def until_wrong(self, path: str, *codes: int | str, version: int | None = None) -> None:
        """Until these, and no others, are said to be wrong in a document, last of all."""
        while True:
            said = [
                it["params"]
                for it in self.told
                if it["method"] == "textDocument/publishDiagnostics"
                and it["params"]["uri"] == f"{ROOT}/{path}"
            ]
            if (
                said
                and tuple(it.get("code") for it in said[-1]["diagnostics"]) == codes
                and (version is None or said[-1].get("version") == version)
            ):
                return
            await self.next()
            assert not self.socket.closed, (self.socket.close_code, self.told)

    async def until_closed(self) -> int | None:
        while not self.socket.closed:
            await self.next()
        return self.socket.close_code


@asynccontextmanager
async def editor_of(
    api: Api,
    project_id: str,
    language: str = "typescript",
    *,
    headers: dict[str, str] | None = None,
    protocols: tuple[str, ...] = (),
) -> AsyncGenerator[Editor]:
    """An editor in the project, by the caller's token."""
    path = f"/api/projects/{project_id}/lsp/{language}"
    given = {"Authorization": f"Bearer {api.token}"} if headers is None else headers
    async with api.session.ws_connect(
        path, headers=given, protocols=protocols, max_msg_size=0
    ) as socket:
        yield Editor(socket)
