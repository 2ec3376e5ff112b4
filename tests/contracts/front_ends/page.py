"""A page of a front end: the official Convex client, and requests to the API of one person."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.viewers import Viewers
from tests.support.api_client import POLL_S, Api

LONGEST_S = 60.0


@dataclass
class Page:
    """What calls are made with, and the rows that they share.

    Args:
        repository: the address of one on the GitHub of the product.
    """

    api: Api
    viewers: Viewers
    client: int
    repository: str
    rows: dict[str, str] = field(default_factory=dict[str, str])

    async def query(self, path: str, **args: object) -> Any:
        """What a query gives now."""
        return await self.viewers.call("query", path, args, client=self.client)

    async def mutation(self, path: str, **args: object) -> Any:
        """What a mutation gives."""
        return await self.viewers.call("mutation", path, args, client=self.client)

    async def until(self, path: str, args: dict[str, object], has: Callable[[Any], bool]) -> Any:
        """The first value of a live query of which `has` is true."""
        self.viewers.subscribe(path, client=self.client, path=path, args=args)
        try:
            async with asyncio.timeout(LONGEST_S):
                while True:
                    update = await self.viewers.update()
                    if update.subscription == path and has(update.value):
                        return update.value
        finally:
            self.viewers.unsubscribe(path)

    async def project(self) -> str:
        """The project that most calls are about."""
        if "project" not in self.rows:
            self.rows["project"] = await self.mutation("projects:create", name="Shop")
        return self.rows["project"]

    async def conversation(self) -> str:
        """A new conversation of it."""
        args = {"projectId": await self.project(), "title": "New conversation"}
        return await self.mutation("conversations:create", **args)

    async def file(self, name: str = "a.ts", content: str = "one\n") -> str:
        """The id of a file at the root, which is made where it is missing."""
        project = await self.project()
        rows = await self.query("files:getFolderContents", projectId=project)
        found = [row["_id"] for row in rows if row["name"] == name]
        if found:
            return found[0]
        await self.mutation("files:createFile", projectId=project, name=name, content=content)
        return await self.file(name)

    async def exported(self, project: str) -> dict[str, Any]:
        """The project, once its export is no more under way."""
        async with asyncio.timeout(LONGEST_S):
            while True:
                row = await self.query("projects:getById", id=project)
                if row.get("exportStatus") != "exporting":
                    return row
                await asyncio.sleep(POLL_S)
