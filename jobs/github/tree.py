"""The files of a commit: what they are, which a project can hold, and their bytes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from jobs.github.accounts import ImportLimits
from jobs.github.git import Git, GitFailed, Running, pieces
from jobs.github.problems import NoSuchFolder
from jobs.incoming.judging import Names, Report, Skipped, TooLarge, check_link, check_size, in_words
from store.records import NewMode

MODES: dict[str, NewMode] = {"100644": "regular", "100755": "executable", "120000": "symlink"}
_OLD_MODES = {"100664": "100644"}  # git wrote them once
MOST_ENTRIES = 200_000
SUBMODULE = "160000"
LINK_BYTES = 4_096
AHEAD = 100  # names that git is given before they are due: twice as many fill no pipe


@dataclass(frozen=True)
class Entry:
    """A file of a commit, as git lists it."""

    name: bytes
    mode: str
    sha: str
    size: int


@dataclass(frozen=True)
class Held:
    """A file that a project can hold, and where it stands there."""

    path: str
    entry: Entry

    @property
    def mode(self) -> NewMode:
        """What the file is."""
        return MODES[_OLD_MODES.get(self.entry.mode, self.entry.mode)]


@dataclass(frozen=True)
class Judged:
    """The files of a commit: those that a project holds, and those that it cannot."""

    held: Sequence[Held]
    left_out: Sequence[Entry]


class Blobs:
    """The contents of objects, one after the other, by one `git cat-file --batch`."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def read(self, sha: str) -> bytes:
        """The bytes of an object."""
        await self._ask([sha])
        return await self._given(sha)

    async def read_all(self, shas: Sequence[str]) -> AsyncIterator[bytes]:
        """The bytes of each, in this order; git works on the next while one is taken."""
        asked = 0
        for number, sha in enumerate(shas):
            if asked - number < AHEAD:
                await self._ask(shas[asked : asked + AHEAD])
                asked = min(len(shas), asked + AHEAD)
            yield await self._given(sha)

    async def _ask(self, shas: Sequence[str]) -> None:
        self._running.input.write("".join(f"{sha}\n" for sha in shas).encode())
        await self._running.input.drain()

    async def _given(self, sha: str) -> bytes:
        head = (await self._running.output.readline()).split()
        if len(head) != 3:  # noqa: PLR2004 - its name, kind and size
            raise EOFError(f"git has no object {sha}: {self._running.words()}")
        data = await self._running.output.readexactly(int(head[2]) + 1)
        return data[:-1]


@asynccontextmanager
async def blobs_of(git: Git) -> AsyncGenerator[Blobs]:
    """Reads objects while the block runs."""
    async with git.process("cat-file", "--batch", has_input=True) as running:
        yield Blobs(running)


async def entries_of(git: Git, tree: str, folder: str = "") -> list[Entry]:
    """Every file below a folder of a commit or tree, by name; the names are from the folder on.

    Raises:
        TooLarge: there are more than any project may hold.
        NoSuchFolder: the commit has none of that name.
    """
    if folder:
        tree = await _folder_of(git, tree, folder)
    found: list[Entry] = []
    async with git.process("ls-tree", "-r", "-z", "-l", "--full-tree", tree) as running:
        async for line in pieces(running.output):
            about, _, name = line.partition(b"\t")
            mode, _, sha, size = about.decode().split()
            found.append(Entry(name, mode, sha, int(size) if size.isdecimal() else 0))
            if len(found) > MOST_ENTRIES:
                raise TooLarge(f"The repository has more than {MOST_ENTRIES} files")
        await running.check()
    return found


async def _folder_of(git: Git, tree: str, folder: str) -> str:
    """The tree of a folder; `tree:folder` is a path for git, never an option or a pattern."""
    try:
        sha = (await git.run("rev-parse", "--verify", "--quiet", f"{tree}:{folder}")).decode()
        kind = await git.run("cat-file", "-t", sha.strip())
    except GitFailed:
        raise NoSuchFolder(folder) from None
    if kind.strip() != b"tree":
        raise NoSuchFolder(folder)
    return sha.strip()


async def judged(git: Git, entries: Sequence[Entry], *, file_bytes: int, report: Report) -> Judged:
    """Which of them a project can hold. The same entries are always judged the same way."""
    names = Names()
    held: list[Held] = []
    left_out: list[Entry] = []
    async with blobs_of(git) as blobs:
        for number, entry in enumerate(entries):
            if number % 100 == 99:  # noqa: PLR2004 - others get their turn
                await asyncio.sleep(0)
            try:
                held.append(Held(await _judge(entry, names, blobs, file_bytes), entry))
            except Skipped as why:
                left_out.append(entry)
                report.skip(entry.name.decode(errors="replace"), str(why))
    return Judged(held, left_out)


async def _judge(entry: Entry, names: Names, blobs: Blobs, file_bytes: int) -> str:
    if entry.mode == SUBMODULE:
        raise Skipped("It is a submodule: another repository, which is not fetched")
    if _OLD_MODES.get(entry.mode, entry.mode) not in MODES:
        raise Skipped(f"Its mode {entry.mode} is not known")
    check_size(entry.size, file_bytes)
    if entry.mode != "120000":
        return names.take(entry.name)
    if entry.size > LINK_BYTES:
        raise Skipped("It is a symbolic link with too long a target")
    target = await blobs.read(entry.sha)
    check_link(entry.name.decode(errors="replace"), target)
    return names.take(entry.name)


def check_limits(judged: Judged, limits: ImportLimits) -> None:
    """What is held must fit. Raises: TooLarge."""
    if len(judged.held) > limits.files:
        raise TooLarge(
            f"It has {len(judged.held)} files; a project may have {limits.files}. "
            "Import a folder of it instead."
        )
    size = sum(file.entry.size for file in judged.held)
    if size > limits.total_bytes:
        raise TooLarge(
            f"Its files have {in_words(size)}; a project may have {in_words(limits.total_bytes)}. "
            "Import a folder of it instead."
        )
