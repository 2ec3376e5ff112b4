"""A person's account as a whole: what it takes, and its deletion."""

from collections.abc import AsyncIterator
from typing import Any

from core.ids import OwnerId
from store.client import ConvexHttp
from store.records import AboutAccount, OutboxEvent
from store.rows import decode


class Accounts:
    """Deleting an account is asked for by its owner, and done by a job that knows its id alone.

    Each part of it is safe to do again; of a deletion that is done nothing is left to do.
    """

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def about(self, *, owner: OwnerId) -> AboutAccount:
        """What is known of the account; of somebody who was never here, that they have nothing."""
        value = await self._http.query("system/account:about", {"ownerId": owner})
        return decode(AboutAccount, value)

    async def rows(
        self, table: str, *, owner: OwnerId, of: str | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Every row of a table as an export holds it, page by page.

        `of`: the project, conversation or message whose rows they are; None: the owner's own. A
        blob has a `url`. Raises: NotFound, Refused (no export holds that table).
        """
        cursor: str | None = None
        while True:
            args = {"ownerId": owner, "table": table, "of": of, "cursor": cursor}
            page = await self._http.query("system/account:page", args)
            for row in page["items"]:
                yield row
            cursor = page["nextCursor"]
            if cursor is None:
                return

    async def blob(self, url: str) -> bytes:
        """The bytes of a blob of a row."""
        return await self._http.download(url)

    async def request_deletion(self, *, owner: OwnerId) -> tuple[OutboxEvent, ...]:
        """Begin to delete the account: nothing of its owner is to be seen or begins after this.

        The events to send are returned (the relay sends them otherwise): none where the deletion
        has begun within the last minute.
        """
        value = await self._http.mutation("system/account_deletion:request", {"ownerId": owner})
        await self.remove_projects(value["deletion"]["deletionId"])
        return tuple(decode(OutboxEvent, event) for event in value["events"])

    async def owner_of(self, deletion_id: str) -> OwnerId | None:
        """Whose account is being deleted; None: it is deleted."""
        owner = await self._http.query("system/account_deletion:owner", {"deletionId": deletion_id})
        return None if owner is None else OwnerId(owner)

    async def remove_projects(self, deletion_id: str) -> None:
        """Hide every project at once and stop what runs there; they are emptied behind that."""
        await self._until_done("removeProjects", deletion_id)

    async def are_emptied(self, deletion_id: str) -> bool:
        """Whether the projects are gone, and their last events have reached the engine."""
        args = {"deletionId": deletion_id}
        return bool(await self._http.query("system/account_deletion:areEmptied", args))

    async def remove_rows(self, deletion_id: str) -> None:
        """Delete what is kept of the owner beside projects."""
        await self._until_done("removeRows", deletion_id)

    async def finish(self, deletion_id: str) -> bool:
        """Forget that there was an account; False where something of it has come meanwhile."""
        args = {"deletionId": deletion_id}
        return bool(await self._http.mutation("system/account_deletion:finish", args))

    async def _until_done(self, part: str, deletion_id: str) -> None:
        args = {"deletionId": deletion_id}
        while (await self._http.mutation(f"system/account_deletion:{part}", args))["hasMore"]:
            pass
