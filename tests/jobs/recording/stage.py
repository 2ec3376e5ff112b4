"""Where recordings are made: the product's tools, a real store, a real engine, a scripted model."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.backend import CLOCK
from app.models import model_of
from app.settings import Settings
from app.tools import AGENT_TOOLS, CHAT_TOOLS, ID_TOOLS, owned_by_worker
from core.ids import OwnerId, RunId, new_id
from engine import Engine
from jobs.events import engine_event
from jobs.recording.recorder import Recordings
from llm.closing import freed
from llm.scripted.journal import Stage as Reached
from llm.scripted.process import ScriptedModel, scripted_here
from store import Store
from store.records import Ask, AskAnswer
from store.records.projects import SettingsChange
from tests.jobs.message.site import Site
from tests.support.scripted_model import scenario

FILES = {
    "package.json": b'{"name": "shop", "scripts": {"test": "node --test"}}\n',
    "AGENTS.md": b"Prices are kept in cents.\n",
    "src/shop.ts": b"export const total = (prices: number[]) => prices.length;\n",
    "src/basket.ts": b'import { total } from "./shop";\nexport const basket = () => total([]);\n',
}
KEY = SecretStr("sk-ant-scripted-0000000000")


@dataclass
class Scene:
    """A project, and what answers in it."""

    site: Site
    server: ScriptedModel
    workers: AsyncExitStack
    engine: Engine

    async def restart(self) -> None:
        """The worker goes, in the middle of whatever it does, and another one comes."""
        await self.workers.aclose()
        self.engine = await self.workers.enter_async_context(self.site.worker())

    async def answer(self, text: str = "Make total add up the prices.") -> RunId:
        """Send a message and wait until its run has ended."""
        _, run_id = await self.site.send(self.engine, text)
        await self.ended(run_id)
        return run_id

    async def ended(self, run_id: RunId) -> None:
        """Whichever way it ends."""
        await self.engine.wait(run_id, 60)

    async def reply(self, answer: AskAnswer) -> None:
        """Answer the question that comes."""
        ask = await self._ask()
        answered = await self.site.store.asks.answer(ask.ask_id, answer, owner=self.site.owner)
        for event in answered.events:
            await self.engine.send(engine_event(event))

    async def _ask(self) -> Ask:
        async with asyncio.timeout(30):
            while True:
                asks = await self.site.store.asks.list(
                    self.site.conversation_id, owner=self.site.owner
                )
                if found := [ask for ask in asks if ask.status == "open"]:
                    return found[0]
                await asyncio.sleep(0.05)

    async def reached(self, stage: Reached, count: int = 1) -> None:
        """Wait until so many requests have come so far."""
        await self.server.requests(until=stage, count=count)


@dataclass(frozen=True)
class Play:
    """A run to record: the model's replies in order, and what happens meanwhile.

    `run` gives the id of the run; the others are what its worker is set up with.
    """

    rules: tuple[dict[str, Any], ...]
    run: Callable[[Scene], Awaitable[RunId]] = Scene.answer
    models: tuple[str, ...] = ("anthropic:claude-opus-5-5",)
    change: Callable[[Site], None] = lambda _: None
    settings: SettingsChange | None = None


def settings_for(server: ScriptedModel, folder: Path, models: tuple[str, ...]) -> Settings:
    """As an installation would have them, with the scripted server as every provider."""
    return Settings.model_construct(
        data_dir=folder,
        models=models,
        anthropic_api_key=KEY,
        anthropic_base_url=server.url,
        openai_api_key=KEY,
        openai_base_url=server.openai_url,
        cerebras_api_key=KEY,
        cerebras_base_url=server.openai_url,
    )


@asynccontextmanager
async def stage(play: Play, *, convex_url: str, key: str, folder: Path) -> AsyncGenerator[Scene]:
    """A new project in the store, a worker that records, and the model of the play."""
    async with (
        Store(convex_url, internal_key=key) as store,
        scripted_here(scenario(*play.rules)) as server,
    ):
        settings = settings_for(server, folder / "data", play.models)
        (folder / "data").mkdir(parents=True)
        owner = OwnerId(new_id("user"))
        project = (await store.projects.create(owner=owner, name="Shop")).project_id
        await store.files.write_many(project, FILES, owner=owner)
        if play.settings is not None:
            await store.projects.configure(project, owner=owner, change=play.settings)
        chat = await store.conversations.create(project, owner=owner, title="One")
        async with freed(model_of(settings)) as model, owned_by_worker(settings, CLOCK) as owned:
            site = Site(
                store, owner, folder, project, chat.conversation_id, model,
                tools=AGENT_TOOLS, id_tools=ID_TOOLS, chat_tools=CHAT_TOOLS, needs=owned,
                recordings=Recordings(folder / "recordings"),
            )  # fmt: skip
            play.change(site)
            async with AsyncExitStack() as workers:
                engine = await workers.enter_async_context(site.worker())
                yield Scene(site, server, workers, engine)
