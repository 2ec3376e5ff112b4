"""The steps of a pull request: a branch with the project's changes, and the request to merge it."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from core.ids import OwnerId
from jobs.events import ProposalRequested
from jobs.files.folders import name_of
from jobs.github.git import Git, GitFailed
from jobs.github.histories import is_gone
from jobs.github.problems import (
    BranchTaken,
    HistoryRewritten,
    NoAccess,
    NoRepository,
    NotConnected,
    NothingToPropose,
    RefusedByGithub,
    RemoteMoved,
)
from jobs.github.pushing import Pushing
from jobs.github.snapshot import Commit, HeadTree, head_tree_of
from jobs.github.waiting import Waiting
from jobs.github.work import GithubWork, problem_of
from jobs.transfers import say
from store.gateway import Store
from store.records import OpenedPullRequest

BASE_REF = "refs/polaris/base"
BRANCH_REF = "refs/polaris/branch"
PUSHES = 3  # of one attempt, each on what was pushed before it
PLAIN_MESSAGE = "Changes from Polaris"
TITLE_CHARS = 200


@dataclass(frozen=True)
class Proposal:
    """What is proposed: `branch` is to go into `base`. `commit`: that of the last sync."""

    repository: str
    branch: str
    base: str
    folder: str
    commit: str
    title: str


@dataclass(frozen=True)
class Proposed:
    """The commit that is at the branch's head now, how many files it has, and its subject."""

    commit: str
    files: int
    subject: str


@dataclass(frozen=True)
class PullRequesting:
    """One pull request; each method is a step, which is safe to make twice."""

    work: GithubWork
    store: Store
    asked: ProposalRequested
    owner: OwnerId

    async def find_target(self) -> Proposal | Waiting:
        """Find the repository and the branches. Raises: what GithubClient raises, LimitedUntil."""
        self.work.programs.found()
        await say(self.store, self.asked.transfer_id, phase="resolving")
        return await self.work.or_waiting(self.store, self.asked.transfer_id, self._target)

    async def _target(self) -> Proposal:
        project = await self.store.projects.owned(self.asked.project_id, owner=self.owner)
        link = project.repository
        if link is None:
            raise NoRepository
        if await self.work.accounts.token(self.owner) is None:
            raise NotConnected
        branch = self.asked.branch or branch_of(project.name, name_of(project.project_id))
        with await self.work.client(self.owner) as client:
            remote = await client.repository(link.repository)
            if not remote.may_push:
                raise NoAccess(remote.full_name, "push to")
            base = await client.branch_or_default(remote, link.branch)
        if branch == base:
            raise RefusedByGithub(f"A pull request goes from another branch into {base}")
        url = self.work.server.page_url(remote.full_name)
        await say(self.store, self.asked.transfer_id, phase="reading", repo_url=url, branch=branch)
        title = self.asked.title or f"Changes from {project.name}"[:TITLE_CHARS]
        return Proposal(remote.full_name, branch, base, link.folder, link.commit, title)

    async def push(self, target: Proposal, asked_at: datetime) -> Proposed | Waiting:
        """Push the project's changes since the last sync to the branch; nothing is forced.

        Raises: BranchTaken, NothingToPropose, HistoryRewritten, RemoteMoved, PushRefused, NoAccess,
        GithubAway, LimitedUntil, TransferOver, NotFound.
        """
        return await self.work.or_waiting(
            self.store, self.asked.transfer_id, partial(self._proposed, target, asked_at)
        )

    async def _proposed(self, target: Proposal, asked_at: datetime) -> Proposed:
        async with self.work.repository(self.asked.project_id, self.owner) as git:
            for _ in range(PUSHES):
                try:
                    made = await self._pushed(git, target, asked_at)
                except GitFailed as failed:
                    raise problem_of(
                        failed, target.repository, has_token=True, doing="push to"
                    ) from None
                if made is not None:
                    subject = await git.run("log", "-1", "--format=%s", made.commit)
                    return Proposed(made.commit, made.files, subject.decode(errors="replace"))
        raise RemoteMoved(target.repository, target.branch)

    async def _pushed(self, git: Git, target: Proposal, asked_at: datetime) -> Commit | None:
        """The commit that is on the branch; None when others were faster. Raises: as `push`."""
        asked = self.asked
        base = await self._base(git, target)
        head = await self._head(git, target)
        parents = [target.commit]
        if head and head != target.commit:
            parents = [head, *(() if await self._is_in(target, head) else (target.commit,))]
        pushing = Pushing.of(self.work, self.store, asked, self.owner, asked_at)
        made = await pushing.commit(
            git, base, message=asked.message, plain=PLAIN_MESSAGE, parents=parents
        )
        is_merge = len(parents) > 1
        if made.tree == base.tree and (is_merge or head in {"", target.commit}):
            raise NothingToPropose(target.repository)
        if not is_merge and made.tree == await _tree_of(git, parents[0]):
            return Commit(head, made.tree, made.files)
        await say(self.store, asked.transfer_id, phase="pushing", commit=made.commit)
        if await pushing.push(git, target.repository, target.branch, made.commit):
            return made
        return None

    async def _base(self, git: Git, target: Proposal) -> HeadTree:
        """The commit of the last sync."""
        url = self.work.server.git_url(target.repository)
        try:
            await git.fetch(url, f"+{target.commit}:{BASE_REF}")
        except GitFailed as failed:
            if is_gone(failed):
                raise HistoryRewritten(target.repository) from None
            raise
        limit = self.work.limits.file_bytes
        return await head_tree_of(git, BASE_REF, file_bytes=limit, folder=target.folder)

    async def _head(self, git: Git, target: Proposal) -> str:
        """The commit at the branch's head; "" where there is none. Raises: BranchTaken."""
        url = self.work.server.git_url(target.repository)
        try:
            await git.fetch(url, f"+refs/heads/{target.branch}:{BRANCH_REF}")
        except GitFailed as failed:
            if is_gone(failed):
                return ""
            raise
        head = (await git.run("rev-parse", BRANCH_REF)).decode().strip()
        before = await self.store.transfers.latest(
            self.asked.project_id, owner=self.owner, limit=100
        )
        ours = {it.commit for it in before if it.kind == "pullRequest"}
        if head != target.commit and head not in ours:
            raise BranchTaken(target.repository, target.branch)
        return head

    async def _is_in(self, target: Proposal, head: str) -> bool:
        """Whether the branch has the commit of the last sync already."""
        with await self.work.client(self.owner) as client:
            remote = await client.repository(target.repository)
            return await client.is_in(remote, target.commit, head)

    async def open(self, target: Proposal, proposed: Proposed) -> OpenedPullRequest | Waiting:
        """Open the pull request, or find the one that is open. Raises: as `find_target`."""
        await say(self.store, self.asked.transfer_id, phase="opening")

        async def opened() -> OpenedPullRequest:
            title = self.asked.title or _title_of(proposed.subject, target.title)
            with await self.work.client(self.owner) as client:
                found = await client.pull_request(
                    await client.repository(target.repository),
                    branch=target.branch,
                    base=target.base,
                    title=title,
                    body=self.asked.body,
                )
            return OpenedPullRequest(found.number, found.url)

        return await self.work.or_waiting(self.store, self.asked.transfer_id, opened)

    async def finish(self, target: Proposal, proposed: Proposed, opened: OpenedPullRequest) -> None:
        """Close the transfer with the pull request."""
        files = proposed.files
        await say(
            self.store, self.asked.transfer_id, done=files, total=files, commit=proposed.commit
        )
        url = self.work.server.page_url(target.repository)
        await self.store.transfers.finish(
            self.asked.transfer_id, status="completed", repo_url=url, pull_request=opened
        )
        await self.work.forget(self.asked.project_id)


def branch_of(project: str, unique: str) -> str:
    """The branch of a project that names none: always the same one."""
    plain = re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")[:40].strip("-")
    return f"polaris/{plain or 'project'}-{unique[:8]}"


def _title_of(subject: str, otherwise: str) -> str:
    """The commit's subject, where it says anything."""
    return otherwise if subject in {"", PLAIN_MESSAGE} else subject[:TITLE_CHARS]


async def _tree_of(git: Git, commit: str) -> str:
    return (await git.run("rev-parse", f"{commit}^{{tree}}")).decode().strip()
