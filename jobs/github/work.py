"""What jobs between projects and GitHub need, and how they wait, say how far they are, and fail."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.clock import Clock
from core.ids import OwnerId, ProjectId
from engine import FailureContext, RetryPolicy, RunError
from jobs.github.accounts import GithubAccounts, GithubServer, ImportLimits
from jobs.github.clients import client_of
from jobs.github.git import Git, GitFailed, GitPrograms
from jobs.github.problems import (
    GithubAway,
    LimitedUntil,
    LimitReached,
    NoAccess,
    RepositoryNotFound,
    TokenRefused,
)
from store.errors import NotFound, StoreUnavailable, TransferOver
from store.gateway import Store

if TYPE_CHECKING:
    from jobs.github.client import GithubClient

T = TypeVar("T")

RETRY = RetryPolicy(max_attempts=4, min_timeout=1.0, max_timeout=30.0)
LONGEST_WAIT = timedelta(minutes=65)  # GitHub counts by the hour
CLOSED = frozenset({TransferOver.code, NotFound.code})
"""Codes of a step that found the transfer, or its project, gone: nothing is wrong."""


@dataclass(frozen=True)
class Waiting:
    """GitHub takes the request again at this time."""

    until: datetime


@dataclass(frozen=True)
class GithubWork:
    """What the worker has for them: accounts, limits, git, and a folder for repositories."""

    server: GithubServer
    accounts: GithubAccounts
    limits: ImportLimits
    programs: GitPrograms
    folder: Path
    clock: Clock

    async def client(self, owner: OwnerId) -> "GithubClient":
        """A client for one step of one job."""
        return await client_of(self.server, await self.accounts.token(owner), self.clock)

    @asynccontextmanager
    async def repository(self, project_id: ProjectId, owner: OwnerId) -> AsyncGenerator[Git]:
        """The bare repository of a project on this worker, made if need be.

        It is kept for the next step when the block ends well, and removed when it does not.

        Raises: GitMissing.
        """
        token = await self.accounts.token(owner)
        git = self.programs.repository(self._folder(project_id), token)
        try:
            await git.create()
            yield git
        except BaseException:
            shutil.rmtree(git.folder, ignore_errors=True)  # a handful of files, also when cancelled
            raise

    async def forget(self, project_id: ProjectId) -> None:
        """Remove the repository of a project from this worker."""
        await asyncio.to_thread(shutil.rmtree, self._folder(project_id), ignore_errors=True)

    def _folder(self, project_id: ProjectId) -> Path:
        name = hashlib.sha256(project_id.encode()).hexdigest()[:32]
        return self.folder / f"{name}.git"

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
    """Remove the repositories that an earlier process has left in its folder."""
    for path in folder.glob("*.git"):
        shutil.rmtree(path, ignore_errors=True)


async def say(
    store: Store,
    transfer_id: str,
    *,
    waiting_until: datetime | None = None,
    **said: str | int | None,
) -> None:
    """Say how far a transfer is. Raises: TransferOver, NotFound."""
    if not await store.transfers.progress(transfer_id, waiting_until=waiting_until, **said):
        raise TransferOver("This transfer is over")


def problem_of(failed: GitFailed, repository: str, *, has_token: bool, doing: str) -> Exception:
    """What git's words mean for the person."""
    words = failed.words.lower()
    if "authentication failed" in words or "could not read username" in words or " 401" in words:
        return TokenRefused() if has_token else RepositoryNotFound(repository, has_token=False)
    if " 403" in words or "permission to" in words:
        return NoAccess(repository, doing)
    if "repository not found" in words or "not found" in words or " 404" in words:
        return RepositoryNotFound(repository, has_token=has_token)
    if "no space left" in words:
        return failed
    return GithubAway(f"git could not {doing} {repository}: {failed.words[-300:]}")


_WORDS = {
    GithubAway.code: "GitHub could not be reached, or broke off, after several tries. "
    "Try again in a few minutes.",
    StoreUnavailable.code: "The files could not be stored, after several tries. "
    "Try again in a few minutes.",
    "git_missing": "git is not installed on this server. Whoever runs it has to install it.",
}
_UNKNOWN = "Something went wrong on our side. Try again; if it fails again, report it."
_OWN = frozenset(
    {
        "archive_gone",
        "bad_archive",
        "empty_repository",
        "github_not_connected",
        "github_unauthorized",
        "no_access",
        "no_such_branch",
        "no_such_folder",
        "nothing_to_export",
        "push_refused",
        "rate_limited",
        "refused_by_github",
        "remote_moved",
        "repository_name_taken",
        "repository_not_found",
        "too_large",
    }
)
"""Codes of errors whose text is for people as it is."""


def failure_words(error: RunError) -> tuple[str, str]:
    """A code for programs and a text for people."""
    code = error.code or "internal"
    if code in _OWN:
        return code, error.message
    return (code, _WORDS[code]) if code in _WORDS else ("internal", _UNKNOWN)


async def fail_transfer(ctx: FailureContext[Any], transfer_id: str) -> None:
    """Close the transfer with the reason; the store removes what an import has written."""
    store = ctx.need(Store)
    code, words = failure_words(ctx.error)

    async def fail() -> None:
        try:
            await store.transfers.finish(transfer_id, status="failed", error=words, error_code=code)
        except NotFound:  # its project was deleted meanwhile
            return

    await ctx.step.run("mark-failed", fail)
