"""The steps of an import: which commit, its objects on this worker, its files in the store."""

from dataclasses import dataclass

from core.ids import OwnerId
from jobs.events import ImportRequested
from jobs.github.git import Git, GitFailed
from jobs.github.problems import EmptyRepository
from jobs.github.tree import blobs_of, check_limits, entries_of, judged
from jobs.github.waiting import Waiting
from jobs.github.work import GithubWork, problem_of
from jobs.incoming.judging import Report, TooLarge, in_words
from jobs.incoming.writer import Arrived, standing_in, writing
from jobs.transfers import say
from store.gateway import Store
from store.records import NewLink
from store.transfers import HowFar

IMPORT_REF = "refs/polaris/import"
PACK_SHARE = 2  # a pack may be this much larger than what a project may have: files are left out


@dataclass(frozen=True)
class Source:
    """The commit that is imported. It stays the same, also when the branch moves on."""

    repository: str
    commit: str
    branch: str
    folder: str


@dataclass(frozen=True)
class RepositoryImport:
    """One import; each method is a step, which is safe to make twice."""

    work: GithubWork
    store: Store
    asked: ImportRequested
    owner: OwnerId

    async def resolve(self) -> Source | Waiting:
        """Ask GitHub what is meant. Raises: what GithubClient raises, LimitedUntil."""
        self.work.programs.found()
        await say(self.store, self.asked.transfer_id, phase="resolving")
        return await self.work.or_waiting(self.store, self.asked.transfer_id, self._resolved)

    async def _resolved(self) -> Source:
        below = tuple(name for name in self.asked.below.split("/") if name)
        with await self.work.client(self.owner) as client:
            remote = await client.repository(self.asked.repository)
            named = await client.named(remote, below, self.asked.ref)
        inside = "" if self.asked.is_file else named.folder
        folder = self.asked.folder.strip("/") or inside
        await say(
            self.store,
            self.asked.transfer_id,
            phase="fetching",
            branch=named.ref,
            commit=named.commit,
            repo_url=self.work.server.page_url(remote.full_name),
        )
        return Source(remote.full_name, named.commit, named.ref, folder)

    async def fetch(self, source: Source) -> None:
        """Have the commit's objects on this worker.

        Raises: TooLarge, GithubAway, RepositoryNotFound, NoAccess, TokenRefused, TransferOver.
        """
        async with self.work.repository(self.asked.project_id, self.owner) as git:
            await self._fetched(git, source)

    async def write(self, source: Source) -> Arrived:
        """Write the files; those of an earlier attempt are not sent again.

        Raises: TooLarge, EmptyRepository, TransferOver, NotFound; as `fetch`, on another worker.
        """
        async with self.work.repository(self.asked.project_id, self.owner) as git:
            await self._fetched(git, source)
            return await self._written(git, source)

    async def _fetched(self, git: Git, source: Source) -> None:
        if await has_commit(git, source.commit):
            return
        await say(self.store, self.asked.transfer_id, phase="fetching")
        limit = self.work.limits.total_bytes * PACK_SHARE

        def watch(size: int) -> None:
            if size > limit:
                raise TooLarge(
                    f"The repository has more than {in_words(limit)}, packed; a project may have "
                    f"{in_words(self.work.limits.total_bytes)}"
                )

        url = self.work.server.git_url(source.repository)
        try:
            await git.fetch(url, f"+{source.commit}:{IMPORT_REF}", watch=watch)
        except GitFailed as failed:
            has_token = git.token is not None
            problem = problem_of(failed, source.repository, has_token=has_token, doing="read")
            raise problem from None

    async def _written(self, git: Git, source: Source) -> Arrived:
        report = Report()
        limits = self.work.limits
        entries = await entries_of(git, source.commit, source.folder)
        if not entries:
            raise EmptyRepository(source.repository)
        found = await judged(git, entries, file_bytes=limits.file_bytes, report=report)
        check_limits(found, limits)
        total = sum(file.entry.size for file in found.held)
        standing = await standing_in(self.store, self.asked.project_id, owner=self.owner)
        most = HowFar(0, len(found.held), 0, total)
        transfer_id = self.asked.transfer_id
        async with (
            writing(self.store, transfer_id, standing, report, most) as writer,
            blobs_of(git) as blobs,
        ):
            contents = blobs.read_all([file.entry.sha for file in found.held])
            for file in found.held:
                await writer.add(file.path, await anext(contents), file.mode)
            return await writer.end()

    async def finish(self, source: Source, arrived: Arrived) -> None:
        """Close the transfer with the report."""
        url = self.work.server.page_url(source.repository)
        folder = "/".join(name for name in source.folder.split("/") if name)
        link = NewLink(source.repository, source.branch, folder, source.commit)
        await arrived.told(self.store, self.asked.transfer_id, repo_url=url, link=link)
        await self.work.keep_for_pulls(
            self.asked.project_id, self.owner, source.repository, source.commit
        )


async def has_commit(git: Git, commit: str) -> bool:
    """Whether the commit is there with all that belongs to it."""
    try:
        kept = await git.run("rev-parse", "--verify", "--quiet", IMPORT_REF)
    except GitFailed:
        return False
    return kept.decode().strip() == commit
