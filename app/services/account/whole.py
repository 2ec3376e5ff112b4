"""What a person, or an operator for them, does with an account as a whole."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from app.services.account.exporting import Exporting
from core.ids import OwnerId, ProjectId
from jobs.archives.packing import Form, packed_entries
from jobs.outbox import Relay
from store.gateway import Store
from store.records import AboutAccount


@dataclass(frozen=True)
class WholeAccount:
    """Accounts, by their owners."""

    store: Store
    relay: Relay
    exporting: Exporting

    async def about(self, *, owner: OwnerId) -> AboutAccount:
        """What is known of it."""
        return await self.store.accounts.about(owner=owner)

    def export(self, *, owner: OwnerId, form: Form) -> AsyncIterator[bytes]:
        """All that is the owner's as an archive, piece by piece. Raises: StoreUnavailable."""
        return packed_entries(self.exporting.files(owner), form=form)

    async def delete(self, *, owner: OwnerId) -> None:
        """Begin to delete everything; once this returns, nothing of the owner begins any more.

        A durable job does it. Again, while it goes on: no second one.
        """
        await self.relay.deliver_all(await self.store.accounts.request_deletion(owner=owner))

    async def projects(self, *, owner: OwnerId) -> AsyncIterator[ProjectId]:
        """The owner's projects."""
        cursor: str | None = None
        while True:
            page = await self.store.projects.list(owner=owner, limit=100, cursor=cursor)
            for project in page.items:
                yield project.project_id
            cursor = page.next_cursor
            if cursor is None:
                return
