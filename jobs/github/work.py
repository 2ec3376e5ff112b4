"""What jobs between projects and GitHub need, and how they wait for GitHub."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import SecretStr

from core.clock import Clock
from core.ids import OwnerId, ProjectId
from jobs.files.folders import name_of
from jobs.github.accounts import GithubAccounts, GithubServer, ImportLimits
from jobs.github.clients import client_of
from jobs.github.commit_words import CommitWords
from jobs.github.git import Git, GitFailed, GitPrograms
from jobs.github.histories import Histories, History, HistoryRoom
from jobs.github.problems import (
    GithubAway,
    LimitedUntil,
    LimitReached,
    NoAccess,
    RepositoryNotFound,
    ScopeMissing,
    TokenRefused,
)
from jobs.github.signing import OURS, Signature
from jobs.github.waiting import Waiting
from jobs.transfers import say
from store.gateway import Store

if TYPE_CHECKING:
    from jobs.github.client import GithubClient

T = TypeVar("T")

HISTORIES = "histories"
PROJECT = "polaris-project"  # a file beside those of git, which says of which project it is
LONGEST_WAIT = timedelta(minutes=65)  # GitHub counts by the hour


@dataclass(frozen=True)
class GithubWork:
    """What the worker has for them: accounts, limits, git, and a folder for repositories.

    `signature`: of commits whose event names nobody.
    """

    server: GithubServer
    accounts: GithubAccounts
    limits: ImportLimits
    programs: GitPrograms
    folder: Path
    clock: Clock
    signature: Signature = OURS
    words: CommitWords = field(default_factory=CommitWords)
    room: HistoryRoom = field(default_factory=HistoryRoom)
    histories: Histories = field(init=False)

    def __post_init__(self) -> None:
        """The cache of histories lies below the folder."""
        histories = Histories(self.folder / HISTORIES, self.clock, self.room)
        object.__setattr__(self, "histories", histories)

    async def client(self, owner: OwnerId) -> "GithubClient":
        """A client for one step of one job. Raises: TokenRefused, GithubAway."""
        token = await self.accounts.token(owner)
        on_refused = partial(self.accounts.refused, owner, token) if token is not None else None
        return await client_of(self.server, token, self.clock, on_refused)

    @asynccontextmanager
    async def repository(self, project_id: ProjectId, owner: OwnerId) -> AsyncGenerator[Git]:
        """The bare repository of a project on this worker, made if need be.

        It is kept for the next step when the block ends well, and removed when it does not.

        Raises: GitMissing, TokenRefused, GithubAway.
        """
        token = await self.accounts.token(owner)
        git = self.programs.repository(self._folder(project_id), token)
        try:
            async with self._told_if_refused(owner, token):
                await git.create()
                await asyncio.to_thread((git.folder / PROJECT).write_text, project_id)
                yield git
        except BaseException:
            shutil.rmtree(git.folder, ignore_errors=True)  # a handful of files, also when cancelled
            raise

    @asynccontextmanager
    async def history(self, repository: str, owner: OwnerId) -> AsyncGenerator[History]:
        """The commits of a repository that are kept on this worker, as this person may see them.

        Raises: GitMissing, TokenRefused, GithubAway.
        """
        token = await self.accounts.token(owner)
        url = self.server.git_url(repository)
        async with (
            self._told_if_refused(owner, token),
            self.histories.opened(
                url, owner, lambda path: self.programs.repository(path, token)
            ) as history,
        ):
            yield history

    @asynccontextmanager
    async def _told_if_refused(
        self, owner: OwnerId, token: SecretStr | None
    ) -> AsyncGenerator[None]:
        """A token that GitHub refuses is noted: the account is to be connected again."""
        try:
            yield
        except TokenRefused:
            if token is not None:
                await self.accounts.refused(owner, token)
            raise

    async def keep_for_pulls(
        self, project_id: ProjectId, owner: OwnerId, repository: str, commit: str
    ) -> None:
        """Have the repository of a project, which has this commit, kept for its next pull."""
        git = self.programs.repository(self._folder(project_id))
        url = self.server.git_url(repository)
        await self.histories.adopt(git, commit, url=url, owner=owner)
        await self.forget(project_id)

    async def forget(self, project_id: ProjectId) -> None:
        """Remove the repository of a project from this worker."""
        await asyncio.to_thread(shutil.rmtree, self._folder(project_id), ignore_errors=True)

    def _folder(self, project_id: ProjectId) -> Path:
        return self.folder / f"{name_of(project_id)}.git"

    async def or_waiting(
        self, store: Store, transfer_id: str, ask: Callable[[], Awaitable[T]]
    ) -> T | Waiting:
        """What GitHub answers, or until when it takes no requests: that is said on the transfer.

        Raises: LimitedUntil: that is longer than a job waits.
        """
        try:
            return await ask()
        except LimitReached as limit:
            if limit.until - self.clock.now() > LONGEST_WAIT:
                raise LimitedUntil(limit.until) from None
            await say(store, transfer_id, phase="waiting", waiting_until=limit.until)
            return Waiting(limit.until)


def remove_repositories(folder: Path) -> None:
    """Remove what an earlier process has left in its folder: repositories, unpacked archives.

    Histories stay: they are a cache.
    """
    for path in folder.iterdir():
        if path.is_dir() and path.name != HISTORIES:
            shutil.rmtree(path, ignore_errors=True)


def problem_of(failed: GitFailed, repository: str, *, has_token: bool, doing: str) -> Exception:
    """What git's words mean for the person."""
    words = failed.words.lower()
    if "authentication failed" in words or "could not read username" in words or " 401" in words:
        return TokenRefused() if has_token else RepositoryNotFound(repository, has_token=False)
    if "refusing to allow" in words and "workflow" in words:
        return ScopeMissing(repository, "workflow")
    if " 403" in words or "permission to" in words:
        return NoAccess(repository, doing)
    if "repository not found" in words or "not found" in words or " 404" in words:
        return RepositoryNotFound(repository, has_token=has_token)
    if "no space left" in words:
        return failed
    return GithubAway(f"git could not {doing} {repository}: {failed.words[-300:]}")
