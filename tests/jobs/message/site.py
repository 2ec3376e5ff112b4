"""A store, an engine, and a model that is scripted: where messages are answered."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.definition import Limits
from agent.means import Budget
from core.ids import ConversationId, MessageId, OwnerId, ProjectId, RunId
from engine import Engine, SqliteDatabase
from jobs.agents import Agents
from jobs.answer.live_answers import LiveAnswers
from jobs.events import engine_event
from jobs.files.folders import ProjectFolders
from jobs.mcp_servers import ProjectServers, Unseal
from jobs.message.process_message import process_message
from jobs.recording.recorder import Recordings
from jobs.task.run_task import run_task
from llm.model import Model
from store import Store
from store.records import Message, MessageStatus, NewAttachment
from tools.files import FILE_TOOLS
from tools.files.by_id import ID_FILE_TOOLS
from tools.files.undo import UNDO
from tools.mcp.clients import McpClients
from tools.place import Provided
from tools.tool import AnyTool

TASK = "Build me a shop."


@dataclass
class Site:
    """A store, and an engine that answers in it with the model of the moment."""

    store: Store
    owner: OwnerId
    folder: Path
    project_id: ProjectId
    conversation_id: ConversationId
    model: Model
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    tools: tuple[AnyTool, ...] = FILE_TOOLS
    needs: Provided = field(default_factory=Provided)
    live: LiveAnswers = field(default_factory=LiveAnswers)
    clients: McpClients | None = None
    unseal: Unseal | None = None
    id_tools: tuple[AnyTool, ...] = (*ID_FILE_TOOLS, UNDO)
    models: Mapping[str, Model] = field(default_factory=dict[str, Model])
    day_budget: Budget | None = None
    chat_tools: tuple[AnyTool, ...] = ()
    recordings: Recordings | None = None
    conversation_budget: Budget | None = None
    raisable: tuple[str, ...] = ()
    max_running: int = 20

    @asynccontextmanager
    async def relaying(self, engine: Engine) -> AsyncGenerator[None]:
        """What the outbox holds for the owner reaches the engine; what other tests left stays."""

        async def relay() -> None:
            while True:
                for event in await self.store.outbox.pending(limit=500):
                    if event.user_id == self.owner:
                        await engine.send(engine_event(event))
                        await self.store.outbox.ack(event.event_id)
                await asyncio.sleep(0.1)

        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(relay())
            yield
            running.cancel()

    @asynccontextmanager
    async def worker(self) -> AsyncGenerator[Engine]:
        folders = ProjectFolders(self.store, self.folder / "files")
        servers = None
        if self.clients is not None:
            servers = ProjectServers(self.store, folders, self.clients, self.unseal)
        agents = Agents(
            self.model,
            self.tools,
            self.limits,
            servers=servers,
            store=self.store,
            id_tools=self.id_tools,
            models=self.models,
            day_budget=self.day_budget,
            chat_tools=self.chat_tools,
            recordings=self.recordings,
            conversation_budget=self.conversation_budget,
            raisable=self.raisable,
        )
        needs = [self.store, agents, folders, self.needs, self.live]
        database = SqliteDatabase(self.folder / "engine.sqlite")
        async with Engine(
            jobs=[process_message, run_task],
            database=database,
            provide=needs,
            grace_s=0.1,
            max_running=self.max_running,
        ) as engine:
            yield engine

    async def send(
        self, engine: Engine, text: str, *attachments: NewAttachment
    ) -> tuple[MessageId, RunId]:
        sent = await self.store.messages.send(
            self.conversation_id,
            owner=self.owner,
            content=text,
            policy="cancel",
            attachments=attachments,
        )
        for event in sent.events[:-1]:
            await engine.send(engine_event(event))
        started = await engine.send(engine_event(sent.events[-1]))
        return sent.message_id, started.run_ids[0]

    async def answer(self, engine: Engine, text: str, *attachments: NewAttachment) -> Message:
        message_id, run_id = await self.send(engine, text, *attachments)
        await engine.wait(run_id, 60)
        return await self.message_once(message_id, lambda it: it.status != MessageStatus.PROCESSING)

    async def message_once(
        self, message_id: MessageId, holds: Callable[[Message], bool]
    ) -> Message:
        async with asyncio.timeout(30):
            while True:
                message = await self.store.messages.owned(message_id, owner=self.owner)
                if holds(message):
                    return message
                await asyncio.sleep(0.02)
