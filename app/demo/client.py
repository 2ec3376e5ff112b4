"""The demo's side of the HTTP API: what a front end would call."""

import asyncio
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote

import aiohttp

TRANSFER_S = 120.0
ASK_AGAIN_S = 0.05


class ApiRefused(Exception):
    """The API answered with an error; the text is what it said."""


class Api:
    """Calls the API with one user's token; an async context manager."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connections."""
        self._session = aiohttp.ClientSession(base_url=self._url, headers=self._headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close them."""
        if self._session:
            await self._session.close()

    async def create_project(self, name: str) -> str:
        """A new project; its id."""
        return str((await self._call("POST", "/api/projects", json={"name": name}))["projectId"])

    async def create_conversation(self, project_id: str, title: str) -> str:
        """A new conversation; its id."""
        path = f"/api/projects/{project_id}/conversations"
        answer = await self._call("POST", path, json={"title": title})
        return str(answer["conversationId"])

    async def write_file(self, project_id: str, path: str, data: bytes) -> None:
        """Create or replace a file."""
        await self._call("PUT", f"/api/projects/{project_id}/files/{quote(path)}", data=data)

    async def files(self, project_id: str) -> list[dict[str, Any]]:
        """Every file of the project, without its bytes."""
        tree = await self._call("GET", f"/api/projects/{project_id}/files")
        return [entry for entry in tree["files"] if entry["type"] == "file"]

    async def read_files(self, project_id: str) -> dict[str, bytes]:
        """Every file of the project with its bytes."""
        paths = [entry["path"] for entry in await self.files(project_id)]
        return {path: await self._read(project_id, path) for path in paths}

    async def configure(self, project_id: str, **settings: object) -> None:
        """Change settings of a project."""
        await self._call("PATCH", f"/api/projects/{project_id}/settings", json=settings)

    async def asks(self, conversation_id: str) -> list[dict[str, Any]]:
        """What the agent has asked in a conversation."""
        return (await self._call("GET", f"/api/conversations/{conversation_id}/asks"))["asks"]

    async def allow(self, ask_id: str) -> None:
        """Let a call run, this once."""
        body = {"decision": "allow", "scope": "once"}
        await self._call("POST", f"/api/asks/{ask_id}/answer", json=body)

    async def usage(self, project_id: str) -> Mapping[str, Any]:
        """What a project has used of models lately."""
        return await self._call("GET", f"/api/usage?projectId={quote(project_id)}")

    async def post_message(
        self, conversation_id: str, text: str, *, when_busy: str = "queue"
    ) -> str:
        """Ask; the id of the answer."""
        body = {"conversationId": conversation_id, "message": text, "whenBusy": when_busy}
        return str((await self._call("POST", "/api/messages", json=body))["messageId"])

    async def generate(self, description: str, **more: str) -> str:
        """Have a whole project made; `more`: the other fields of the request. The project's id."""
        body = {"description": description, **more}
        answer = await self._call("POST", "/api/projects/generate", json=body)
        return str(answer["projectId"])

    async def generation(self, project_id: str) -> dict[str, Any]:
        """How far the making of a project is, with its log and its evidence."""
        return dict(await self._call("GET", f"/api/projects/generate/status/{project_id}"))

    async def cancel(self, message_id: str) -> None:
        """Stop an answer."""
        await self._call("POST", "/api/messages/cancel", json={"messageId": message_id})

    async def messages(self, conversation_id: str) -> list[dict[str, Any]]:
        """The conversation, oldest first."""
        path = f"/api/conversations/{conversation_id}/messages"
        return (await self._call("GET", path))["messages"]

    async def message(self, message_id: str) -> dict[str, Any]:
        """One message, with its tool calls."""
        return dict(await self._call("GET", f"/api/messages/{message_id}"))

    async def deltas(self, message_id: str) -> Mapping[str, Any]:
        """What was streamed of an answer, from its beginning on."""
        return await self._call("GET", f"/api/messages/{message_id}/deltas")

    async def parts(self, message_id: str, turn: int, call_id: str) -> list[dict[str, Any]]:
        """What a tool call came to beside its text."""
        path = f"/api/messages/{message_id}/turns/{turn}/calls/{quote(call_id)}/parts"
        return (await self._call("GET", path))["parts"]

    async def import_repository(self, url: str) -> str:
        """Begin an import; the id of the project that it fills."""
        answer = await self._call("POST", "/api/github/import", json={"url": url})
        return str(answer["projectId"])

    async def export(self, project_id: str, **target: str) -> None:
        """Begin an export: `repoName` and `visibility`, or `repoUrl` and `commitMessage`."""
        body = {"projectId": project_id, **target}
        await self._call("POST", "/api/github/export", json=body)

    async def transfer_over(self, project_id: str) -> dict[str, Any]:
        """The newest import or export of a project, once it has ended."""
        path = f"/api/projects/{project_id}/transfers"
        async with asyncio.timeout(TRANSFER_S):
            while True:
                newest: dict[str, Any] = (await self._call("GET", path))["transfers"][0]
                if newest["status"] != "running":
                    return newest
                await asyncio.sleep(ASK_AGAIN_S)

    async def _read(self, project_id: str, path: str) -> bytes:
        async with self._open().get(f"/api/projects/{project_id}/files/{quote(path)}") as answer:
            if answer.status != 200:  # noqa: PLR2004
                raise ApiRefused(await answer.text())
            return await answer.read()

    async def _call(
        self, method: str, path: str, *, json: object = None, data: bytes | None = None
    ) -> Mapping[str, Any]:
        async with self._open().request(method, path, json=json, data=data) as answer:
            if answer.status >= 400:  # noqa: PLR2004
                raise ApiRefused(f"{method} {path}: {answer.status} {await answer.text()}")
            return await answer.json()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the API is used outside `async with`")
        return self._session
