"""A store, an engine and a GitHub of our own: where imports and exports are tried."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from core.clock import SystemClock
from core.ids import OwnerId, ProjectId
from engine import Engine, SqliteDatabase
from jobs.events import engine_event
from jobs.github.accounts import GithubServer, ImportLimits, OneAccount
from jobs.github.commit_words import CommitWords
from jobs.github.git import GitPrograms
from jobs.github.signing import OURS, Signature
from jobs.github.work import GithubWork
from jobs.registry import JOBS
from store import Store
from store.records import FileContent, Transfer
from tests.support.github import GithubStandIn

TOKEN = "ghp_0123456789abcdefTESTTOKEN0123456789"  # noqa: S105 - of nobody


@dataclass
class Site:
    """Asks for transfers and looks at what came of them."""

    store: Store
    owner: OwnerId
    folder: Path
    github: GithubStandIn
    token: str | None = TOKEN
    limits: ImportLimits = field(default_factory=ImportLimits)
    api_url: str | None = None  # of another API; git is always the stand-in's
    signature: Signature = OURS
    words: CommitWords = field(default_factory=CommitWords)
    engine: Engine | None = None

    def work(self) -> GithubWork:
        server = GithubServer(self.github.url, self.api_url or self.github.api_url)
        secret = SecretStr(self.token) if self.token else None
        return GithubWork(
            server,
            OneAccount(self.owner, secret),
            self.limits,
            GitPrograms(server),
            self.folder / "repositories",
            SystemClock(),
            signature=self.signature,
            words=self.words,
        )

    @asynccontextmanager
    async def worker(self) -> AsyncGenerator[Engine]:
        """A worker; the one that is there already, where one is."""
        if self.engine is not None:
            yield self.engine
            return
        async with Engine(
            jobs=JOBS,
            database=SqliteDatabase(self.folder / "engine.sqlite"),
            provide=[self.store, self.work()],
            grace_s=0.1,
        ) as engine:
            self.engine = engine
            try:
                yield engine
            finally:
                self.engine = None

    async def ask_import(self, engine: Engine, repository: str, **more: str | bool) -> ProjectId:
        asked = await self.store.transfers.request_import(
            owner=self.owner,
            name=repository.partition("/")[2],
            event="github/import.requested",
            data={"repository": repository, **more},
        )
        for event in asked.events:
            await engine.send(engine_event(event))
        return asked.project.project_id

    async def exported(
        self, project_id: ProjectId, repository: str, **more: str | bool
    ) -> Transfer:
        """Export it, with a worker for that alone; how it ended."""
        async with self.worker() as engine:
            await self.ask_export(engine, project_id, repository, **more)
            return await self.ended(project_id)

    async def ask_export(
        self, engine: Engine, project_id: ProjectId, repository: str, **more: str | bool
    ) -> None:
        data: dict[str, str | bool] = {
            "repository": repository,
            "message": "From Polaris",
            "mayCreate": False,
        }
        asked = await self.store.transfers.request_export(
            project_id, owner=self.owner, data=data | more
        )
        for event in asked.events:
            await engine.send(engine_event(event))

    async def ask(
        self,
        engine: Engine,
        project_id: ProjectId,
        kind: Literal["pull", "pullRequest"],
        **more: str,
    ) -> str:
        """Ask for a pull or a pull request; the transfer's id."""
        asked = await self.store.pulls.request(project_id, owner=self.owner, kind=kind, data=more)
        for event in asked.events:
            await engine.send(engine_event(event))
        return asked.transfer.transfer_id

    async def pulled(self, project_id: ProjectId) -> Transfer:
        """Pull, with a worker for that alone; how it ended."""
        async with self.worker() as engine:
            await self.ask(engine, project_id, "pull")
            return await self.ended(project_id)

    async def proposed(self, project_id: ProjectId, **more: str) -> Transfer:
        """Open a pull request, with a worker for that alone; how it ended."""
        async with self.worker() as engine:
            await self.ask(engine, project_id, "pullRequest", **more)
            return await self.ended(project_id)

    async def texts(self, project_id: ProjectId) -> dict[str, str]:
        """The files by path, as text."""
        found = await self.files(project_id)
        return {path: content.data.decode() for path, content in found.items()}

    async def write(self, project_id: ProjectId, path: str, text: str) -> None:
        await self.store.files.write(project_id, path, text.encode(), owner=self.owner)

    async def imported(self, repository: str, **more: str | bool) -> tuple[ProjectId, Transfer]:
        """Import it, with a worker for that alone; how it ended."""
        async with self.worker() as engine:
            project_id = await self.ask_import(engine, repository, **more)
            return project_id, await self.ended(project_id)

    async def ended(self, project_id: ProjectId) -> Transfer:
        return await self.transfer_once(project_id, lambda it: it.status != "running")

    async def transfer_once(
        self, project_id: ProjectId, holds: Callable[[Transfer], bool]
    ) -> Transfer:
        async with asyncio.timeout(60):
            while True:
                newest = await self.store.transfers.latest(project_id, owner=self.owner, limit=1)
                if newest and holds(newest[0]):
                    return newest[0]
                await asyncio.sleep(0.02)

    async def files(self, project_id: ProjectId) -> dict[str, FileContent]:
        paths = [
            entry.path
            async for entry in self.store.files.walk(project_id, owner=self.owner)
            if entry.kind == "file"
        ]
        contents = await self.store.files.read_many(project_id, paths, owner=self.owner)
        return {content.entry.path: content for content in contents}

    async def emptied(self, project_id: ProjectId) -> None:
        """Wait until nothing is left in the project."""
        async with asyncio.timeout(30):
            while True:
                if not (await self.store.files.list(project_id, owner=self.owner)).items:
                    return
                await asyncio.sleep(0.02)
