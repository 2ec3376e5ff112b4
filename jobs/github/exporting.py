"""The steps of an export: the repository, one commit of the project's files, one push."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from core.ids import OwnerId
from jobs.events import ExportRequested
from jobs.github.git import Git, GitFailed
from jobs.github.problems import (
    GithubAway,
    NameTaken,
    NoAccess,
    NoSuchRepository,
    NotConnected,
    NothingToExport,
    PushRefused,
    RefusedByGithub,
    RemoteMoved,
    RepositoryNotFound,
)
from jobs.github.snapshot import AUTHOR, Commit, HeadTree, commit_of, head_tree_of
from jobs.github.waiting import Waiting
from jobs.github.work import GithubWork, problem_of
from jobs.transfers import say
from store.gateway import Store

if TYPE_CHECKING:
    from jobs.github.client import GithubClient, RemoteRepository


HEAD_REF = "refs/polaris/head"
NEW_REF = "refs/polaris/export"
PUSHES = 4  # of one attempt, each on what others have pushed before it
SNAPSHOTS = 3  # of files that change while they are read
_BEHIND = ("non-fast-forward", "fetch first", "stale info", "cannot lock ref", "failed to update")
_DECLINED = ("protected branch", "gh006", "gh013", "pre-receive hook declined", "rule violation")


@dataclass(frozen=True)
class Target:
    """Where it goes. `is_new`: this export, or one like it that broke off, has made it."""

    repository: str
    branch: str
    is_new: bool


@dataclass(frozen=True)
class Exported:
    """The commit that is at the branch's head now; `is_unchanged`: it was there before."""

    commit: str
    files: int
    is_unchanged: bool


@dataclass(frozen=True)
class RepositoryExport:
    """One export; each method is a step, which is safe to make twice."""

    work: GithubWork
    store: Store
    asked: ExportRequested
    owner: OwnerId

    async def find_target(self) -> Target | Waiting:
        """Find the repository, or make it. Raises: what GithubClient raises, LimitedUntil."""
        self.work.programs.found()
        await say(self.store, self.asked.transfer_id, phase="resolving")
        return await self.work.or_waiting(self.store, self.asked.transfer_id, self._target)

    async def _target(self) -> Target:
        if await self.work.accounts.token(self.owner) is None:
            raise NotConnected
        page = await self.store.files.list(self.asked.project_id, owner=self.owner, limit=1)
        if not page.items:
            raise NothingToExport
        with await self.work.client(self.owner) as client:
            login = await client.login()
            name = self.asked.repository
            full_name = name if "/" in name else f"{login}/{name}"
            target = await self._found_or_made(client, full_name, login)
        url = self.work.server.page_url(target.repository)
        await say(self.store, self.asked.transfer_id, phase="reading", repo_url=url)
        return target

    async def _found_or_made(self, client: "GithubClient", full_name: str, login: str) -> Target:
        try:
            found = await client.repository(full_name)
        except RepositoryNotFound:
            if not self.asked.may_create:
                raise NoSuchRepository(full_name) from None
            found = await self._made(client, full_name, login)
            return Target(found.full_name, found.default_branch, is_new=True)
        if not found.may_push:
            raise NoAccess(full_name, "push to")
        is_empty = found.size_kb == 0
        if self.asked.must_create and not is_empty:
            raise NameTaken(found.full_name)
        return Target(found.full_name, found.default_branch, is_new=self.asked.must_create)

    async def _made(self, client: "GithubClient", full_name: str, login: str) -> "RemoteRepository":
        try:
            return await client.create(
                full_name,
                login=login,
                is_private=self.asked.is_private,
                description=self.asked.description,
            )
        except RepositoryNotFound:  # of the organisation
            raise NoAccess(full_name, "create") from None
        except RefusedByGithub as refused:
            if "already exists" in str(refused):  # made by an attempt whose answer was lost
                return await client.repository(full_name)
            raise

    async def push(self, target: Target, asked_at: datetime) -> Exported:
        """Commit the files on top of what the branch has now, and push; nothing is forced.

        A commit that an attempt before has pushed is found there, and nothing is done.

        Raises: RemoteMoved, PushRefused, NoAccess, GithubAway, NameTaken, TransferOver, NotFound.
        """
        async with self.work.repository(self.asked.project_id, self.owner) as git:
            for _ in range(PUSHES):
                head = await self._fetched(git, target)
                made = await self._commit(git, head, asked_at)
                if head.commit and made.tree == head.tree:
                    return Exported(head.commit, made.files, is_unchanged=True)
                if target.is_new and head.commit and not await self._is_ours(git, head, asked_at):
                    raise NameTaken(target.repository)
                await say(self.store, self.asked.transfer_id, phase="pushing", commit=made.commit)
                if await self._pushed(git, target, made.commit):
                    return Exported(made.commit, made.files, is_unchanged=False)
        raise RemoteMoved(target.repository, target.branch)

    async def _is_ours(self, git: Git, head: HeadTree, asked_at: datetime) -> bool:
        """Whether an attempt of this export has pushed that commit."""
        made = await git.run("log", "-1", "--format=%cn <%ce> %ct", head.commit)
        return made.decode().strip() == f"{AUTHOR} {int(asked_at.timestamp())}"

    async def _fetched(self, git: Git, target: Target) -> HeadTree:
        """What the branch has now."""
        url = self.work.server.git_url(target.repository)
        try:
            await git.fetch(url, f"+refs/heads/{target.branch}:{HEAD_REF}")
        except GitFailed as failed:
            if "couldn't find remote ref" in failed.words.lower():
                return HeadTree()
            raise self._problem(failed, target, "read") from None
        return await head_tree_of(git, HEAD_REF, file_bytes=self.work.limits.file_bytes)

    async def _commit(self, git: Git, head: HeadTree, asked_at: datetime) -> Commit:
        """The files as they are; read again, a few times, if they change meanwhile."""
        projects, transfer_id = self.store.projects, self.asked.transfer_id
        for attempt in range(SNAPSHOTS):
            before = await projects.owned(self.asked.project_id, owner=self.owner)
            made = await commit_of(
                self.store,
                self.asked.project_id,
                self.owner,
                git=git,
                head=head,
                ref=NEW_REF,
                message=self.asked.message,
                at=asked_at,
                say=lambda done: say(self.store, transfer_id, phase="reading", done=done),
            )
            after = await projects.owned(self.asked.project_id, owner=self.owner)
            if after.files_version == before.files_version or attempt == SNAPSHOTS - 1:
                return made
        raise AssertionError("the loop returns")

    async def _pushed(self, git: Git, target: Target, commit: str) -> bool:
        """Whether the push was taken; False when others were faster."""
        url = self.work.server.git_url(target.repository)
        try:
            await git.transfer("push", "--quiet", url, f"{commit}:refs/heads/{target.branch}")
        except GitFailed as failed:
            words = failed.words.lower()
            if any(each in words for each in _DECLINED):
                lines = [line for line in failed.words.splitlines() if line.startswith("remote:")]
                text = " ".join(line.removeprefix("remote:").strip() for line in lines)[:500]
                raise PushRefused(
                    f"GitHub refuses the push to {target.branch} of {target.repository} by a rule "
                    f"of the repository: {text}"
                ) from None
            if any(each in words for each in _BEHIND):
                return False
            raise self._problem(failed, target, "push to") from None
        return True

    def _problem(self, failed: GitFailed, target: Target, doing: str) -> Exception:
        problem = problem_of(failed, target.repository, has_token=True, doing=doing)
        if isinstance(problem, RepositoryNotFound) and target.is_new:
            return GithubAway(f"{target.repository} is not there yet")  # it was made just now
        return problem

    async def finish(self, target: Target, exported: Exported) -> None:
        """Close the transfer."""
        await say(
            self.store,
            self.asked.transfer_id,
            done=exported.files,
            total=exported.files,
            branch=target.branch,
            commit=exported.commit,
        )
        url = self.work.server.page_url(target.repository)
        await self.store.transfers.finish(self.asked.transfer_id, status="completed", repo_url=url)
        await self.work.forget(self.asked.project_id)
