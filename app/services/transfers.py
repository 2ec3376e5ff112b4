"""Imports, exports, pulls: asked for in one write, then their events on their way."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial

from app.services.connecting import missing_of, words_of_missing
from app.services.plans import Feature, PlanGate
from core.clock import Clock
from core.ids import EventId, OwnerId, ProjectId
from jobs.archives.packing import Form, packed
from jobs.github.accounts import GithubAccounts, GithubServer
from jobs.github.addresses import BadAddress, parse
from jobs.github.clients import client_of
from jobs.github.problems import (
    GithubAway,
    LimitReached,
    LoginNotSetUp,
    NotConnected,
    TokenRefused,
)
from jobs.outbox import Relay
from store.gateway import Store
from store.records import RequestedExport
from store.transfers import Kind

__all__ = ["BadAddress", "NotConnected", "Signed", "Started", "Transferring"]


@dataclass(frozen=True)
class Started:
    """A transfer that is under way."""

    project_id: ProjectId
    event_id: EventId
    transfer_id: str


@dataclass(frozen=True)
class Signed:
    """Whom a request names as those that a commit is of: each is `Name <mail>`."""

    author: str | None = None
    committer: str | None = None
    co_authors: tuple[str, ...] = ()

    @property
    def data(self) -> dict[str, str]:
        """The same in an event."""
        return {
            "author": self.author or "",
            "committer": self.committer or "",
            "coAuthors": "\n".join(self.co_authors),
        }


@dataclass(frozen=True)
class Connection:
    """Whether a GitHub account is connected, and whose; `error` says what is wrong with it.

    `scopes` None: its token has permissions instead, or GitHub does not say.
    """

    connected: bool
    username: str | None = None
    scopes: tuple[str, ...] | None = None
    missing_scopes: tuple[str, ...] | None = None
    error: str | None = None


@dataclass(frozen=True)
class Transferring:
    """What the routes of GitHub and of archives do."""

    store: Store
    relay: Relay
    server: GithubServer
    accounts: GithubAccounts
    clock: Clock
    plans: PlanGate

    async def import_repository(
        self,
        url: str,
        *,
        owner: OwnerId,
        branch: str | None = None,
        folder: str | None = None,
        key: str | None = None,
    ) -> Started:
        """Make a project that a durable job fills; the same `key` again gives the same one.

        Raises:
            BadAddress: the text names no repository of the configured GitHub.
            PlanRequired, ProjectLimitReached, BillingAway: as the plan says.
        """
        repository = parse(url, server_url=self.server.server_url)
        await self.plans.require(owner, Feature.IMPORT)
        asked = await self.store.transfers.request_import(
            owner=owner,
            name=repository.name,
            event="github/import.requested",
            data={
                "repository": repository.full_name,
                "below": "" if branch else "/".join(repository.below),
                "isFile": repository.is_file,
                "ref": branch or repository.ref,
                "folder": folder or "",
            },
            key=key,
        )
        return await self._started(asked)

    async def import_archive(
        self, chunks: AsyncIterable[bytes], *, owner: OwnerId, name: str, key: str | None = None
    ) -> Started:
        """Keep an archive, and make a project that a durable job fills from it.

        Raises: ProjectLimitReached, BillingAway.
        """
        await self.plans.require(owner, Feature.PROJECTS)
        storage_id = await self.store.transfers.keep_archive(chunks)
        asked = await self.store.transfers.request_import(
            owner=owner,
            name=name,
            event="archive/import.requested",
            data={},
            key=key,
            storage_id=storage_id,
        )
        return await self._started(asked)

    async def archive(
        self, project_id: ProjectId, *, owner: OwnerId, form: Form
    ) -> tuple[str, AsyncIterator[bytes]]:
        """The project's name, and its files as an archive, piece by piece. Raises: NotFound."""
        project = await self.store.projects.owned(project_id, owner=owner)
        return project.name, packed(self.store, project_id, owner=owner, form=form)

    async def export(  # noqa: PLR0913 - all by name
        self,
        project_id: ProjectId,
        *,
        owner: OwnerId,
        repository: str,
        message: str,
        may_create: bool,
        must_create: bool,
        is_private: bool,
        description: str,
        signed: Signed,
        key: str | None = None,
    ) -> Started:
        """Begin an export: to an address, or to a repository of that name, which is made.

        An empty `message` is made up from what has changed.

        Raises:
            NotConnected: there is no account to export with.
            BadAddress: the text names no repository of the configured GitHub.
            NotFound: not the owner's project.
            Conflict: an export of it is running.
        """
        await self._require_account(project_id, owner)
        if not must_create:
            repository = parse(repository, server_url=self.server.server_url).full_name
        asked = await self.store.transfers.request_export(
            project_id,
            owner=owner,
            data={
                "repository": repository,
                "message": message,
                "mayCreate": may_create,
                "mustCreate": must_create,
                "isPrivate": is_private,
                "description": description,
                **signed.data,
            },
            key=key,
        )
        return await self._started(asked)

    async def pull(
        self, project_id: ProjectId, *, owner: OwnerId, key: str | None = None
    ) -> Started:
        """Begin to merge what is new in the project's repository into the project.

        Raises:
            NotFound: not the owner's project.
            Refused: it has no repository.
            Conflict: a pull, an export or a pull request of it is running.
        """
        asked = await self.store.pulls.request(
            project_id, owner=owner, kind="pull", data={}, key=key
        )
        return await self._started(asked)

    async def pull_request(
        self,
        project_id: ProjectId,
        *,
        owner: OwnerId,
        words: Mapping[str, str],
        signed: Signed,
        key: str | None = None,
    ) -> Started:
        """Begin to propose the project's changes. `words`: branch, title, body and message.

        Raises:
            NotConnected: there is no account to push with.
            NotFound, Refused, Conflict: as `pull`.
        """
        await self._require_account(project_id, owner)
        data = {**words, **signed.data}
        asked = await self.store.pulls.request(
            project_id, owner=owner, kind="pullRequest", data=data, key=key
        )
        return await self._started(asked)

    async def _require_account(self, project_id: ProjectId, owner: OwnerId) -> None:
        """There is something to push, a plan that has it, and somebody to push as.

        Raises: NotFound, PlanRequired, BillingAway, NotConnected.
        """
        await self.store.projects.owned(project_id, owner=owner)
        await self.plans.require(owner, Feature.EXPORT)
        if await self.accounts.token(owner) is None:
            raise NotConnected

    async def _started(self, asked: RequestedExport) -> Started:
        """Its events are on their way."""
        await self.relay.deliver_all(asked.events)
        transfer = asked.transfer
        return Started(transfer.project_id, asked.event_id, transfer.transfer_id)

    async def cancel(
        self, project_id: ProjectId, *, owner: OwnerId, kind: Kind
    ) -> tuple[tuple[str, ...], EventId | None]:
        """Stop what runs of that kind: the store first, then the run. What was stopped.

        Raises: NotFound.
        """
        cancelled = await self.store.transfers.cancel(project_id, owner=owner, kind=kind)
        await self.relay.deliver_all(cancelled.events)
        event_id = cancelled.events[0].event_id if cancelled.events else None
        return cancelled.transfer_ids, event_id

    async def connection(self, owner: OwnerId) -> Connection:
        """Whether an account is connected, as GitHub says now."""
        try:
            token = await self.accounts.token(owner)
            if token is None:
                return Connection(connected=False)
            on_refused = partial(self.accounts.refused, owner, token)
            with await client_of(self.server, token, self.clock, on_refused) as client:
                account = await client.account()
        except (TokenRefused, LoginNotSetUp) as refused:
            return Connection(connected=False, error=str(refused))
        except (GithubAway, LimitReached):
            return Connection(connected=True, error="GitHub does not answer now")
        missing = missing_of(account.scopes, token.get_secret_value())
        return Connection(
            connected=True,
            username=account.login,
            scopes=account.scopes or None,
            missing_scopes=missing,
            error=words_of_missing(missing) if missing else None,
        )
