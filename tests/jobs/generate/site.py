"""A store, an engine and a scripted model: where whole projects are made."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.definition import Limits
from core.ids import OwnerId, ProjectId, RunId
from engine import Engine, SqliteDatabase
from jobs.agents import Agents
from jobs.answer.live_answers import LiveAnswers
from jobs.events import engine_event
from jobs.files.folders import ProjectFolders
from jobs.generate.generate_project import generate_project
from llm.model import Forced, ModelRequest, TextPart, ToolResult, Turn, UserMessage
from store import Store
from store.records import MessageStatus, ProjectGeneration, RequestedGeneration
from tests.support.scripted_turns import ScriptedTurns, call, calls, says
from tools.files import FILE_TOOLS
from tools.place import Provided
from tools.sandbox.sandbox import Sandbox

DESCRIPTION = "A ledger of who owes whom."
FILES = {
    "config": {"package.json": '{"name": "ledger", "private": true}\n'},
    "source structure": {"src/main.js": "export const main = 1;\n"},
    "components": {"src/components/List.js": "export const List = 1;\n" * 40},
    "pages": {"src/pages/Home.js": "export const Home = 1;\n"},
    "hooks": {"src/hooks/useLedger.js": "export const useLedger = 1;\n"},
    "types": {"src/types.js": "export {};\n"},
    "utilities": {"src/lib/money.js": "export const cents = 1;\n", "src/lib/b.js": "\n"},
    "readme": {"README.md": "# Ledger\n"},
}


def part_asked(request: ModelRequest) -> str:
    """Which of the eight parts is asked for, or `repair`."""
    texts = [
        part.text
        for message in request.messages
        if isinstance(message, UserMessage)
        for part in message.parts
        if isinstance(part, TextPart)
    ]
    asked = [text for text in texts if text.startswith(("Step ", "The project was checked"))][-1]
    if asked.startswith("The project"):
        return "repair"
    return asked.partition(", ")[2].partition(":")[0]


def has_written(request: ModelRequest) -> bool:
    """Whether the request is the second turn of its answer."""
    return any(isinstance(part, ToolResult) for part in request.messages[-1].parts)


class Author(ScriptedTurns):
    """Writes the files of each part in its first turn, and says so in the second."""

    files: dict[str, dict[str, str]] = FILES

    def __init__(self, **given: Any) -> None:
        super().__init__([], **given)
        self.replies = _Always(self._reply)

    def _reply(self, request: ModelRequest) -> Turn:
        part = part_asked(request)
        if has_written(request):
            return says(f"The {part} is made.")
        return calls(
            *(
                call(f"w{n}", "writeFile", path=path, content=text)
                for n, (path, text) in enumerate(self.files.get(part, {}).items())
            )
        )


class _Always(list[Any]):
    """Gives the same reply for every number."""

    def __getitem__(self, _: Any) -> Any:
        return self.reply

    def __init__(self, reply: Callable[[ModelRequest], Turn]) -> None:
        super().__init__()
        self.reply = reply


@dataclass
class Site:
    """A store, and an engine that generates in it with the model of the moment."""

    store: Store
    owner: OwnerId
    folder: Path
    sandbox: Sandbox
    model: ScriptedTurns = field(default_factory=Author)

    @asynccontextmanager
    async def worker(self) -> AsyncGenerator[Engine]:
        needs = [
            self.store,
            Agents(self.model, FILE_TOOLS, Limits()),
            ProjectFolders(self.store, self.folder / "files"),
            Provided(self.sandbox),
            LiveAnswers(),
        ]
        database = SqliteDatabase(self.folder / "engine.sqlite")
        async with Engine(
            jobs=[generate_project], database=database, provide=needs, grace_s=0.1
        ) as engine:
            yield engine

    async def request(self, engine: Engine, **more: Any) -> tuple[RequestedGeneration, RunId]:
        given: dict[str, Any] = {
            "name": "Ledger",
            "description": DESCRIPTION,
            "stack": "react-vite",
        } | more
        requested = await self.store.generating.request(owner=self.owner, **given)
        started = await engine.send(engine_event(requested.events[0]))
        return requested, started.run_ids[0]

    async def made(self, engine: Engine, **more: Any) -> ProjectGeneration:
        requested, run_id = await self.request(engine, **more)
        await engine.wait(run_id, 90)
        return await self.ended(requested.generation.project_id)

    async def ended(self, project_id: ProjectId) -> ProjectGeneration:
        async with asyncio.timeout(30):
            while True:
                found = await self.store.generating.latest(project_id, owner=self.owner)
                assert found is not None
                if found.status is not MessageStatus.PROCESSING:
                    return found
                await asyncio.sleep(0.02)

    async def told(self, project_id: ProjectId, said: str) -> None:
        """Wait until the log says so."""
        async with asyncio.timeout(60):
            while not any(said in message for _, message in await self.log(project_id)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def files(self, project_id: ProjectId) -> dict[str, str]:
        paths = [
            entry.path
            async for entry in self.store.files.walk(project_id, owner=self.owner)
            if entry.kind == "file"
        ]
        found = await self.store.files.read_many(project_id, paths, owner=self.owner)
        return {content.entry.path: content.data.decode() for content in found}

    async def log(self, project_id: ProjectId) -> list[tuple[str, str]]:
        events = await self.store.events.latest(project_id, owner=self.owner, limit=1000)
        return [(event.type, event.message) for event in events]


def thorough(value: str) -> Any:
    """A value for `make test THOROUGH=1`: it shows more of the same."""
    return pytest.param(value, marks=pytest.mark.thorough)


def forced(requests: list[ModelRequest]) -> list[str]:
    """The parts whose first turn had to write a file."""
    return [part_asked(each) for each in requests if each.tool_choice == Forced("writeFile")]
