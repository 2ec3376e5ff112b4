"""The steps of an export: the repository, one commit of the project's files, one push."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from core.ids import OwnerId
from jobs.events import ExportRequested
from jobs.github.git import Git, GitFailed
from jobs.github.histories import is_gone
from jobs.github.problems import (
    GithubAway,
    NameTaken,
    NoAccess,
    NoSuchRepository,
    NotConnected,
    NothingToExport,
    RefusedByGithub,
    RemoteMoved,
    RepositoryNotFound,
)
from jobs.github.pushing import Pushing
from jobs.github.snapshot import HeadTree, head_tree_of
from jobs.github.waiting import Waiting
from jobs.github.work import GithubWork, problem_of
from jobs.transfers import say
from store.gateway import Store
from store.records import NewLink, ReportLine

if TYPE_CHECKING:
    from jobs.github.client import GithubClient, RemoteRepository


HEAD_REF = "refs/polaris/head"
PUSHES = 4  # of one attempt, each on what others have pushed before it
FIRST_MESSAGE = "Initial commit from Polaris"
PLAIN_MESSAGE = "Update from Polaris"
REPLACED = (
    "others have pushed since the last sync; what they changed is in the history, and the files "
    "are those of the project. To have both, pull before you export"
)


@dataclass(frozen=True)
class Target:
    """Where it goes. `is_new`: this export, or one like it that broke off, has made it.

    `folder`: the project came from this folder of it, and replaces that alone. `synced`: what both
    have had in common; "" where that is unknown.
    """

    repository: str
    branch: str
    is_new: bool
    folder: str = ""
    synced: str = ""


@dataclass(frozen=True)
class Exported:
    """The commit that is at the branch's head now; `is_unchanged`: it was there before.

    `replaced`: a commit of others below it, which the project has not pulled.
    """

    commit: str
    files: int
    is_unchanged: bool
    replaced: str = ""


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
            found, is_new = await self._found_or_made(client, full_name, login)
            target = await self._aimed(client, found, is_new=is_new)
        url = self.work.server.page_url(target.repository)
        await say(self.store, self.asked.transfer_id, phase="reading", repo_url=url)
        return target

    async def _aimed(
        self, client: "GithubClient", found: "RemoteRepository", *, is_new: bool
    ) -> Target:
        """With what the project has in common with it: its branch, while there is one."""
        project = await self.store.projects.owned(self.asked.project_id, owner=self.owner)
        link = project.repository
        if link is None or link.repository.lower() != found.full_name.lower():
            return Target(found.full_name, found.default_branch, is_new)
        branch = await client.branch_or_default(found, link.branch)
        synced = link.commit if link.branch == branch else ""
        return Target(found.full_name, branch, is_new, link.folder, synced)

    async def _found_or_made(
        self, client: "GithubClient", full_name: str, login: str
    ) -> "tuple[RemoteRepository, bool]":
        """The repository, and whether this export, or one like it that broke off, has made it."""
        try:
            found = await client.repository(full_name)
        except RepositoryNotFound:
            if not self.asked.may_create:
                raise NoSuchRepository(full_name) from None
            return await self._made(client, full_name, login), True
        if not found.may_push:
            raise NoAccess(full_name, "push to")
        is_empty = found.size_kb == 0
        if self.asked.must_create and not is_empty:
            raise NameTaken(found.full_name)
        return found, self.asked.must_create

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
        pushing = Pushing.of(self.work, self.store, self.asked, self.owner, asked_at)
        plain = FIRST_MESSAGE if target.is_new else PLAIN_MESSAGE
        async with self.work.repository(self.asked.project_id, self.owner) as git:
            for _ in range(PUSHES):
                head = await self._fetched(git, target)
                made = await pushing.commit(git, head, message=self.asked.message, plain=plain)
                if head.commit and made.tree == head.tree:
                    return Exported(head.commit, made.files, is_unchanged=True)
                if target.is_new and head.commit and not await pushing.is_ours(git, head.commit):
                    raise NameTaken(target.repository)
                await say(self.store, self.asked.transfer_id, phase="pushing", commit=made.commit)
                try:
                    if await pushing.push(git, target.repository, target.branch, made.commit):
                        replaced = head.commit if target.synced not in {"", head.commit} else ""
                        return Exported(
                            made.commit, made.files, is_unchanged=False, replaced=replaced
                        )
                except GitFailed as failed:
                    raise self._problem(failed, target, "push to") from None
        raise RemoteMoved(target.repository, target.branch)

    async def _fetched(self, git: Git, target: Target) -> HeadTree:
        """What the branch has now."""
        url = self.work.server.git_url(target.repository)
        try:
            await git.fetch(url, f"+refs/heads/{target.branch}:{HEAD_REF}")
        except GitFailed as failed:
            if is_gone(failed):
                return HeadTree(folder=target.folder)
            raise self._problem(failed, target, "read") from None
        limit = self.work.limits.file_bytes
        return await head_tree_of(git, HEAD_REF, file_bytes=limit, folder=target.folder)

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
        link = NewLink(target.repository, target.branch, target.folder, exported.commit)
        notes = [ReportLine(target.branch, REPLACED)] if exported.replaced else None
        await self.store.transfers.finish(
            self.asked.transfer_id, status="completed", repo_url=url, link=link, notes=notes
        )
        await self.work.keep_for_pulls(
            self.asked.project_id, self.owner, target.repository, exported.commit
        )
