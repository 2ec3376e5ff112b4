"""A project's files as a commit, and that commit to a branch; nothing is ever forced."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from core.ids import OwnerId, ProjectId
from jobs.events import ExportRequested, ProposalRequested
from jobs.github.git import Git, GitFailed
from jobs.github.problems import PushRefused
from jobs.github.signing import Signature
from jobs.github.snapshot import Commit, HeadTree, commit_again, commit_of
from jobs.github.work import GithubWork
from jobs.transfers import say
from store.gateway import Store

NEW_REF = "refs/polaris/export"
SNAPSHOTS = 3  # of files that change while they are read
_BEHIND = ("non-fast-forward", "fetch first", "stale info", "cannot lock ref", "failed to update")
_DECLINED = ("protected branch", "gh006", "gh013", "pre-receive hook declined", "rule violation")


@dataclass(frozen=True)
class Pushing:
    """One transfer's commits. `at`, the time of the request, is their time."""

    work: GithubWork
    store: Store
    project_id: ProjectId
    owner: OwnerId
    transfer_id: str
    at: datetime
    signature: Signature

    @staticmethod
    def of(
        work: GithubWork,
        store: Store,
        asked: ExportRequested | ProposalRequested,
        owner: OwnerId,
        at: datetime,
    ) -> "Pushing":
        """What the request names is signed with, and what it does not, with the settings."""
        named = Signature(asked.author, asked.committer, tuple(asked.co_authors.splitlines()))
        return Pushing(
            work,
            store,
            asked.project_id,
            owner,
            asked.transfer_id,
            at,
            named.over(work.signature),
        )

    async def commit(
        self, git: Git, head: HeadTree, *, message: str, plain: str, parents: Sequence[str] = ()
    ) -> Commit:
        """The files as they are; read again, a few times, if they change meanwhile.

        Without a message one is made up; `plain` is what it is without a model.

        Raises: NothingToExport, NotFound, GitFailed, TransferOver.
        """
        made = await self._snapshot(git, head, self.signature.message(message or plain), parents)
        if message or made.tree == head.tree:
            return made
        spend = partial(self.store.usage.count, owner=self.owner, project_id=self.project_id)
        written = await self.work.words.message(git, head.tree, made.tree, plain=plain, spend=spend)
        if written == plain:
            return made
        return await commit_again(
            git,
            made,
            ref=NEW_REF,
            message=self.signature.message(written),
            at=self.at,
            signature=self.signature,
            parents=parents or [head.commit],
        )

    async def _snapshot(
        self, git: Git, head: HeadTree, message: str, parents: Sequence[str]
    ) -> Commit:
        for attempt in range(SNAPSHOTS):
            before = await self.store.projects.owned(self.project_id, owner=self.owner)
            made = await commit_of(
                self.store,
                self.project_id,
                self.owner,
                git=git,
                head=head,
                ref=NEW_REF,
                message=message,
                at=self.at,
                say=lambda done: say(self.store, self.transfer_id, phase="reading", done=done),
                signature=self.signature,
                parents=parents,
            )
            after = await self.store.projects.owned(self.project_id, owner=self.owner)
            if after.files_version == before.files_version or attempt == SNAPSHOTS - 1:
                return made
        raise AssertionError("the loop returns")

    async def is_ours(self, git: Git, commit: str) -> bool:
        """Whether an attempt of this transfer has made that commit."""
        made = await git.run("log", "-1", "--format=%cn <%ce> %ct", commit)
        return made.decode().strip() == f"{self.signature.committer} {int(self.at.timestamp())}"

    async def push(self, git: Git, repository: str, branch: str, commit: str) -> bool:
        """Whether the push was taken; False when others were faster.

        Raises: PushRefused, GitFailed.
        """
        url = self.work.server.git_url(repository)
        try:
            await git.transfer("push", "--quiet", url, f"{commit}:refs/heads/{branch}")
        except GitFailed as failed:
            words = failed.words.lower()
            if any(each in words for each in _DECLINED):
                lines = [line for line in failed.words.splitlines() if line.startswith("remote:")]
                text = " ".join(line.removeprefix("remote:").strip() for line in lines)[:500]
                raise PushRefused(
                    f"GitHub refuses the push to {branch} of {repository} by a rule of the "
                    f"repository: {text}"
                ) from None
            if any(each in words for each in _BEHIND):
                return False
            raise
        return True
