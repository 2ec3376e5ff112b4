"""A diff that `patch` turns back into the new file, quickly for any file."""

import asyncio
import subprocess
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.diffs import MAX_COMPARED_LINES, MAX_FILES, diff_part, diff_parts
from tools.output import MAX_DIFF_CHARS, DiffPart, MoreFilesPart
from tools.workspace.edits import FileChange
from tools.workspace.memory import MemoryWorkspace
from tools.workspace.paths import confine
from tools.workspace.port import RelPath
from tools.workspace.staged import StagedWorkspace

PATH = RelPath("a.txt")
lines = st.lists(st.sampled_from(["a", "b", "c", "", "-x", "+y", "@@"]), max_size=12)


def text_of(found: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in found).encode()


def patched(folder: Path, before: bytes, diff: str) -> bytes:
    """What `git apply` makes of the file."""
    git = which("git")
    assert git
    (folder / PATH).write_bytes(before)
    patch = f"--- a/{PATH}\n+++ b/{PATH}\n{diff}\n"
    subprocess.run(  # noqa: S603 - git, with our own arguments
        [git, "apply", "--unidiff-zero", "-"], input=patch.encode(), cwd=folder, check=True
    )
    return (folder / PATH).read_bytes()


@settings(max_examples=40, deadline=None)
@given(lines.filter(bool), lines.filter(bool))
def test_git_makes_the_new_file_of_the_old_one(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], after: list[str]
) -> None:
    part = diff_part(FileChange(PATH, text_of(before), text_of(after)))
    if before == after:
        assert part.diff == ""
    else:
        folder = tmp_path_factory.mktemp("patch")
        assert patched(folder, text_of(before), part.diff) == text_of(after)
        assert part.added - part.removed == len(after) - len(before)


def test_a_file_with_too_many_different_lines_is_replaced_as_a_whole(tmp_path: Path) -> None:
    before = text_of(["same", *(str(n) for n in range(MAX_COMPARED_LINES + 10)), "end"])
    after = text_of(["same", *(str(-n) for n in range(1, MAX_COMPARED_LINES + 10)), "end"])
    part = diff_part(FileChange(PATH, before, after))
    assert part.added == MAX_COMPARED_LINES + 9
    assert part.removed == MAX_COMPARED_LINES + 10
    assert patched(tmp_path, before, part.diff) == after


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (FileChange(PATH, None, b"1\n"), DiffPart(PATH, "created", "@@ -0,0 +1 @@\n+1", 1, 0)),
        (FileChange(PATH, b"1\n", None), DiffPart(PATH, "deleted", "@@ -1 +0,0 @@\n-1", 0, 1)),
        (
            FileChange(PATH, b"", b"", RelPath("b")),
            DiffPart(PATH, "renamed", old_path=RelPath("b")),
        ),
        (FileChange(PATH, b"\0\1", b"\0\2"), DiffPart(PATH, "changed")),
        (
            FileChange(PATH, b"a\r\n", b"b\r\n"),
            DiffPart(PATH, "changed", "@@ -1 +1 @@\n-a\n+b", 1, 1),
        ),
    ],
    ids=["created", "deleted", "renamed", "binary", "crlf"],
)
def test_what_is_told_of_a_change(change: FileChange, expected: DiffPart) -> None:
    assert diff_part(change) == expected


def test_a_long_diff_is_cut_between_lines_and_says_so() -> None:
    part = diff_part(FileChange(PATH, None, text_of(["x" * 99] * 3_000)))
    assert part.is_cut
    assert part.added == 3_000
    assert len(part.diff) <= MAX_DIFF_CHARS
    assert part.diff.endswith("\n+" + "x" * 99)


async def test_files_beyond_the_bound_are_counted() -> None:
    changes = [FileChange(RelPath(f"{n}"), None, b"1\n") for n in range(MAX_FILES + 7)]
    parts = await diff_parts(changes)
    assert len(parts) == MAX_FILES + 1
    assert parts[-1] == MoreFilesPart(7)


async def test_what_a_stage_has_done_is_told_file_by_file() -> None:
    base = MemoryWorkspace({"a": "1", "b": "2", "c/d": "3", "c/e": "4"})
    stage = StagedWorkspace(base)

    async def write(path: str, text: str) -> None:
        await stage.write(confine(path), text.encode(), expected_sha256=None)

    await write("a", "one")
    await write("a", "uno")
    await write("new", "n")
    await write("gone", "g")
    await stage.delete(confine("gone"))
    await stage.rename(confine("c"), confine("f"))
    await write("f/d", "three")
    await stage.delete(confine("b"))
    await write("b", "two")
    changes = [await stage.change_of(path) for path in stage.changed_paths()]
    assert changes == [
        FileChange(confine("a"), b"1", b"uno"),
        FileChange(confine("b"), b"2", b"two"),
        FileChange(confine("f/d"), b"3", b"three", confine("c/d")),
        FileChange(confine("f/e"), b"", b"", confine("c/e")),
        FileChange(confine("new"), None, b"n"),
    ]


async def test_a_diff_of_two_large_files_is_quick() -> None:
    """Lines that repeat are the worst for a comparison: bounded, it is not a minute."""
    before = text_of(["x", "y"] * 20_000)
    after = text_of(["y", "x", "z"] * 13_000)
    async with asyncio.timeout(20):
        await asyncio.to_thread(diff_part, FileChange(PATH, before, after))
