"""The steps of a pull: the branch's newest commit, merged into the project in batches."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.errors import Conflict, NotFound, Refused, Transient
from core.ids import OwnerId
from jobs.events import PullRequested
from jobs.github.changes import Change, Files, changes_between, renames_between
from jobs.github.git import Git, GitFailed
from jobs.github.histories import History
from jobs.github.merging import Labels, Merged, Merger
from jobs.github.problems import NoRepository, NoSuchFolder, RemoteMoved
from jobs.github.tree import Blobs, blobs_of, check_limits, entries_of, judged
from jobs.github.view import FileMoved, ProjectView
from jobs.github.waiting import Waiting
from jobs.github.work import GithubWork, problem_of
from jobs.incoming.judging import Report, TooLarge, in_words
from jobs.transfers import say
from store.errors import QuotaExceeded, TransferOver
from store.gateway import Store
from store.pulls import PullBatch
from store.records import NewLink, PartlyPulled, ReportLine
from tools.workspace.paths import composed

BATCH_CHANGES = 100
BATCH_BYTES = 2_000_000
LOOKS = 6  # at a project that is changed while a batch is made
REWRITTEN = (
    "its history was rewritten, and the commit of the last sync is gone: every difference counts "
    "as a change of both sides"
)
SHORT = 7  # characters of a commit's name for people


class FilesKeepChanging(Transient):
    """Somebody writes the same files again and again; the step is tried again later."""

    code = "files_keep_changing"


@dataclass(frozen=True)
class Head:
    """What is pulled, and on top of what: it stays the same, also when the branch moves on."""

    repository: str
    branch: str
    folder: str
    commit: str
    base: str
    partly: tuple[PartlyPulled, ...] = ()

    @property
    def is_new(self) -> bool:
        """Whether there is anything that the project has not."""
        return self.commit != self.base or bool(self.partly)

    @property
    def label(self) -> str:
        """How people are told of it."""
        return f"{self.repository} {self.branch} ({self.commit[:SHORT]})"


@dataclass(frozen=True)
class Pulled:
    """How many paths the branch has changed, and what of it the project cannot have."""

    changes: int = 0
    skipped: tuple[ReportLine, ...] = ()
    skipped_count: int = 0
    notes: tuple[ReportLine, ...] = ()


@dataclass(frozen=True)
class _Trees:
    """The files of both commits, and what has changed between them."""

    base: Files
    theirs: Files
    changes: Sequence[Change]
    report: Report
    renames: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class RepositoryPull:
    """One pull; each method is a step, which is safe to make twice."""

    work: GithubWork
    store: Store
    asked: PullRequested
    owner: OwnerId

    async def resolve(self) -> Head | Waiting:
        """Ask GitHub where the branch is. Raises: what GithubClient raises, NoRepository."""
        self.work.programs.found()
        await say(self.store, self.asked.transfer_id, phase="resolving")
        return await self.work.or_waiting(self.store, self.asked.transfer_id, self._resolved)

    async def _resolved(self) -> Head:
        project = await self.store.projects.owned(self.asked.project_id, owner=self.owner)
        link = project.repository
        if link is None:
            raise NoRepository
        with await self.work.client(self.owner) as client:
            remote = await client.repository(link.repository)
            named = await client.named(remote, (), link.branch)
        await say(
            self.store,
            self.asked.transfer_id,
            phase="fetching",
            branch=link.branch,
            commit=named.commit,
            repo_url=self.work.server.page_url(remote.full_name),
        )
        return Head(
            remote.full_name,
            link.branch,
            link.folder,
            named.commit,
            link.commit,
            link.partly or (),
        )

    async def fetch(self, head: Head) -> None:
        """Have the commits on this worker. Raises: as RepositoryImport.fetch, RemoteMoved."""
        async with self.work.history(head.repository, self.owner) as history:
            await self._fetched(history, head)

    async def merge(self, head: Head) -> Pulled:
        """Merge what is new into the project; batches of an earlier attempt are not made again.

        Raises: TooLarge, NoSuchFolder, TransferOver, NotFound, FilesKeepChanging; as `fetch`, on
        another worker.
        """
        async with self.work.history(head.repository, self.owner) as history:
            known = await self._fetched(history, head)
            trees = await self._trees(history.git, head, known)
            async with blobs_of(history.git) as blobs:
                await _Batches(self, head, trees, history.git, blobs).make()
        report = trees.report
        skipped, notes = tuple(report.skipped), tuple(report.notes)
        return Pulled(len(trees.changes), skipped, report.skipped_count, notes)

    async def finish(self, head: Head, pulled: Pulled) -> None:
        """Close the transfer, and remember what both have in common now."""
        await self.store.transfers.finish(
            self.asked.transfer_id,
            status="completed",
            repo_url=self.work.server.page_url(head.repository),
            skipped=pulled.skipped,
            skipped_count=pulled.skipped_count,
            notes=pulled.notes,
            link=NewLink(head.repository, head.branch, head.folder, head.commit),
        )

    async def _fetched(self, history: History, head: Head) -> frozenset[str]:
        """Fetch what is missing of the commits; those of before that there are."""
        limit = self.work.limits.total_bytes * 2

        def watch(size: int) -> None:
            if size > limit:
                raise TooLarge(f"What is new has more than {in_words(limit)}, packed")

        known: set[str] = set()
        try:
            for commit in (head.base, *(part.commit for part in head.partly)):
                if await history.fetch(commit, watch=watch):
                    known.add(commit)
            if not await history.fetch(head.commit, watch=watch):
                raise RemoteMoved(head.repository, head.branch)
        except GitFailed as failed:
            has_token = history.git.token is not None
            raise problem_of(failed, head.repository, has_token=has_token, doing="read") from None
        return frozenset(known)

    async def _trees(self, git: Git, head: Head, known: frozenset[str]) -> _Trees:
        """Both sides' files. Without the commit of the last sync there is nothing in common."""
        report = Report()
        limit = self.work.limits.file_bytes
        entries = await entries_of(git, head.commit, head.folder)
        found = await judged(git, entries, file_bytes=limit, report=report)
        check_limits(found, self.work.limits)
        theirs: Files = {held.path: held for held in found.held}
        unheld = {composed(entry.name.decode(errors="replace")) for entry in found.left_out}
        base: Files = {}
        renames: Mapping[str, str] = {}
        if head.base in known:
            base = await self._files(git, head.base, head.folder)
            if base:
                names = await renames_between(git, head.base, head.commit, folder=head.folder)
                renames = {composed(new): composed(old) for new, old in names.items()}
        else:
            report.note(head.branch, REWRITTEN)
        for part in reversed(head.partly):
            if part.commit in known:
                base = _up_to(part.up_to, await self._files(git, part.commit, head.folder), base)
        changes = await asyncio.to_thread(  # it looks at each of 20,000 files
            changes_between, base, theirs, renames=renames, unheld=unheld
        )
        return _Trees(base, theirs, changes, report, renames)

    async def _files(self, git: Git, commit: str, folder: str) -> Files:
        """The files of a commit that a project can hold; none where it has no such folder."""
        try:
            entries = await entries_of(git, commit, folder)
        except NoSuchFolder:
            return {}
        limit = self.work.limits.file_bytes
        found = await judged(git, entries, file_bytes=limit, report=Report())
        return {held.path: held for held in found.held}


def _up_to(path: str, first: Files, rest: Files) -> Files:
    """The files of one up to a path, those of the other after it."""
    return {name: held for name, held in first.items() if name <= path} | {
        name: held for name, held in rest.items() if name > path
    }


class _Batches:
    """Makes the changes in order, some at a time, on the project as it is then."""

    def __init__(
        self, pull: RepositoryPull, head: Head, trees: _Trees, git: Git, blobs: Blobs
    ) -> None:
        self._pull = pull
        self._store = pull.store
        self._trees = trees
        self._git = git
        self._blobs = blobs
        self._named = trees.base.keys() | trees.theirs.keys()
        base = f"last sync ({head.base[:SHORT]})"
        self._labels = Labels("this project", base, head.label)

    async def make(self) -> None:
        """All of them. Raises: as RepositoryPull.merge."""
        asked = self._pull.asked
        after = await self._reached()
        waiting = [change for change in self._trees.changes if change.path > after]
        done = len(self._trees.changes) - len(waiting)
        await say(
            self._store,
            asked.transfer_id,
            phase="writing",
            done=done,
            total=len(self._trees.changes),
        )
        looks, most = 0, BATCH_CHANGES
        while waiting:
            merger = await self._merger()
            try:
                while waiting:
                    merged, count = await self._next(merger, waiting, most)
                    last, left = waiting[count - 1].path, len(waiting) - count
                    await self._apply(merged, after, last, left=left)
                    after, waiting = last, waiting[count:]
                    looks, most = 0, BATCH_CHANGES
            except (TransferOver, QuotaExceeded):
                raise
            except (FileMoved, Conflict):
                looks += 1
                if looks == LOOKS:
                    raise FilesKeepChanging("the project's files keep changing") from None
            except NotFound:
                raise
            except Refused as refused:  # of one of them: alone, it is known which
                if most == 1:
                    await self._leave_out(waiting[0], after, str(refused), left=len(waiting) - 1)
                    after, waiting = waiting[0].path, waiting[1:]
                most = 1

    async def _reached(self) -> str:
        """The path up to which an attempt before has come."""
        pull = self._pull
        for transfer in await self._store.transfers.latest(pull.asked.project_id, owner=pull.owner):
            if transfer.transfer_id == pull.asked.transfer_id:
                return transfer.up_to or ""
        raise TransferOver("This transfer is over")

    async def _merger(self) -> Merger:
        """What merges into the project as it is now."""
        pull = self._pull
        files = self._store.files
        entries = [it async for it in files.walk(pull.asked.project_id, owner=pull.owner)]

        async def read(path: str) -> bytes:
            try:
                found = await files.read(pull.asked.project_id, path, owner=pull.owner)
            except (NotFound, Conflict):  # it has gone, or is a folder by now
                raise FileMoved(path) from None
            return found.data

        view = await asyncio.to_thread(ProjectView, entries, read)
        return Merger(self._git, self._blobs, view, self._labels, self._named)

    async def _next(
        self, merger: Merger, waiting: Sequence[Change], most: int
    ) -> tuple[Merged, int]:
        """The next changes that fit into one mutation, merged; how many there are."""
        batch, count = Merged(), 0
        while (
            count < min(most, len(waiting))
            and batch.changes < BATCH_CHANGES
            and batch.size_bytes < BATCH_BYTES
        ):
            batch.add(await merger.merge(waiting[count]))
            count += 1
        return batch, count

    async def _apply(self, merged: Merged, after: str, up_to: str, *, left: int) -> None:
        total = len(self._trees.changes)
        batch = PullBatch(
            after, up_to, merged.removes, merged.writes, merged.conflicts, total - left, total
        )
        await self._store.pulls.apply(self._pull.asked.transfer_id, batch)

    async def _leave_out(self, change: Change, after: str, why: str, *, left: int) -> None:
        """Go on without a change that the project cannot have, and say so."""
        line = ReportLine(change.path[:300], f"it could not be brought in: {why}"[:300])
        await self._apply(Merged(conflicts=[line]), after, change.path, left=left)
