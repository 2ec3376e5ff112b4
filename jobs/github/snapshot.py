"""A project's files as a commit, by `git fast-import`.

What the head has that a project cannot hold stays; everything else is what the project has.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.ahead import read_ahead
from core.batches import in_batches
from core.ids import OwnerId, ProjectId
from jobs.github.git import Git, Running
from jobs.github.problems import NoSuchFolder, NothingToExport
from jobs.github.signing import OURS, Signature
from jobs.github.tree import Entry, entries_of, judged
from jobs.incoming.judging import Report
from store.gateway import Store
from tools.workspace.paths import composed

LINES = 100  # of a commit that are written together
_GIT_MODES = {None: "100644", "executable": "100755", "symlink": "120000"}


@dataclass(frozen=True)
class HeadTree:
    """What a branch has. `left_out`: what a project cannot hold; `spelled`: names by their NFC.

    With a `folder` the project is only that: the names are from there on, and `tree` is all of it.
    """

    commit: str = ""
    tree: str = ""
    folder: str = ""
    left_out: tuple[Entry, ...] = ()
    spelled: dict[str, bytes] = field(default_factory=dict[str, bytes])


@dataclass(frozen=True)
class Commit:
    """A commit that was made, and how many files of the project are in it."""

    commit: str
    tree: str
    files: int


async def head_tree_of(git: Git, ref: str, *, file_bytes: int, folder: str = "") -> HeadTree:
    """What is at a ref, judged as an import would: what it leaves out is not the project's."""
    commit = (await git.run("rev-parse", ref)).decode().strip()
    tree = (await git.run("rev-parse", f"{commit}^{{tree}}")).decode().strip()
    try:
        entries = await entries_of(git, commit, folder)
    except NoSuchFolder:  # by now: it is made again
        entries = []
    found = await judged(git, entries, file_bytes=file_bytes, report=Report())
    spelled = {held.path: held.entry.name for held in found.held}
    return HeadTree(commit, tree, folder, tuple(found.left_out), spelled)


async def commit_of(  # noqa: PLR0913 - all by name
    store: Store,
    project_id: ProjectId,
    owner: OwnerId,
    *,
    git: Git,
    head: HeadTree,
    ref: str,
    message: str,
    at: datetime,
    say: Callable[[int], Awaitable[None]],
    signature: Signature = OURS,
    parents: Sequence[str] = (),
) -> Commit:
    """Make the commit on top of the head. The same files, head, text and time give the same one.

    `parents`: other commits than the head's to be on top of.

    Raises: NothingToExport, NotFound, GitFailed; what `say` raises.
    """
    async with git.process("fast-import", "--quiet", "--force", has_input=True) as running:
        marks = await _blobs(store, project_id, owner, running, say)
        if not marks:
            raise NothingToExport
        on_top_of = parents or ([head.commit] if head.commit else [])
        running.input.write(head_of_commit(ref, message, at, signature, on_top_of))
        running.input.write(_cleared(head))
        prefix = f"{head.folder}/".encode() if head.folder else b""
        for entry in head.left_out:
            line = f"M {entry.mode} {entry.sha} ".encode() + _quoted(prefix + entry.name) + b"\n"
            running.input.write(line)
        for some in in_batches(marks.items(), most=LINES, full_at=LINES, size=lambda _: 1):
            running.input.write(b"".join(_line(head, prefix, *each) for each in some))
            await running.input.drain()
            await asyncio.sleep(0)  # a drain that waits for nothing lets nobody else run
        running.input.write(b"done\n")
        running.input.close()
        await running.check()
    commit = (await git.run("rev-parse", ref)).decode().strip()
    tree = (await git.run("rev-parse", f"{commit}^{{tree}}")).decode().strip()
    return Commit(commit, tree, len(marks))


async def commit_again(  # noqa: PLR0913 - all by name
    git: Git,
    commit: Commit,
    *,
    ref: str,
    message: str,
    at: datetime,
    signature: Signature,
    parents: Sequence[str],
) -> Commit:
    """The same commit with another message. Raises: GitFailed."""
    head = head_of_commit(ref, message, at, signature, parents)
    data = head + f'deleteall\nM 040000 {commit.tree} ""\ndone\n'.encode()
    await git.run("fast-import", "--quiet", "--force", data=data)
    made = (await git.run("rev-parse", ref)).decode().strip()
    return Commit(made, commit.tree, commit.files)


def head_of_commit(
    ref: str, message: str, at: datetime, signature: Signature, parents: Sequence[str]
) -> bytes:
    """What fast-import is told of a commit before its files."""
    signed, text = signature.over(OURS), message.encode()
    when = f"{int(at.timestamp())} +0000"
    lines = [
        f"reset {ref}",
        f"commit {ref}",
        f"author {signed.author} {when}",
        f"committer {signed.committer} {when}",
        f"data {len(text)}",
    ]
    words = ("from", *("merge" for _ in parents[1:]))
    after = [f"{word} {parent}" for word, parent in zip(words, parents, strict=False)]
    rest = "".join(f"{line}\n" for line in after)
    return "\n".join(lines).encode() + b"\n" + text + b"\n" + rest.encode()


def _cleared(head: HeadTree) -> bytes:
    """What fast-import is told to begin with: nothing, or all that is around the folder."""
    if not head.folder or not head.tree:
        return b"deleteall\n"
    around = f'deleteall\nM 040000 {head.tree} ""\nD '.encode()
    return around + _quoted(head.folder.encode()) + b"\n"


async def _blobs(
    store: Store,
    project_id: ProjectId,
    owner: OwnerId,
    running: Running,
    say: Callable[[int], Awaitable[None]],
) -> dict[str, tuple[int, str]]:
    """Give every content to git; path → its mark, and the mode of the file."""
    marks: dict[str, tuple[int, str]] = {}
    async with read_ahead(store.files.contents(project_id, owner=owner)) as ahead:
        async for contents in ahead:
            for content in contents:
                mark = len(marks) + 1
                marks[content.entry.path] = mark, _GIT_MODES[content.entry.mode]
                head = f"blob\nmark :{mark}\ndata {len(content.data)}\n".encode()
                running.input.write(head + content.data + b"\n")
                await running.input.drain()
            await say(len(marks))
    return marks


def _line(head: HeadTree, prefix: bytes, path: str, content: tuple[int, str]) -> bytes:
    mark, mode = content
    name = prefix + head.spelled.get(composed(path), path.encode())
    return f"M {mode} :{mark} ".encode() + _quoted(name) + b"\n"


def _quoted(name: bytes) -> bytes:
    """A path as fast-import reads any: in quotes, odd bytes as octal."""
    plain = (
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03o}"  # noqa: PLR2004 - ASCII
        for byte in name
    )
    return b'"' + "".join(plain).encode() + b'"'
