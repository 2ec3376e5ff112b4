"""What only a real disk can do to us: links, races, modes, no room, dead writers."""

import asyncio
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tools.workspace.disk import DiskWorkspace
from tools.workspace.paths import ROOT, TEMPORARY_PREFIX, confine
from tools.workspace.port import (
    MAX_FILE_BYTES,
    AlreadyThere,
    BadPath,
    Changed,
    DiskFull,
    Entry,
    FileMode,
    Link,
    NoSuchFile,
    RelPath,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def workspace(root: Path) -> DiskWorkspace:
    return DiskWorkspace(root)


async def test_links_are_neither_read_nor_written_through_and_listed_where_they_stay_inside(
    workspace: DiskWorkspace, root: Path, outside: Path
) -> None:
    (root / "real.txt").write_text("real")
    (root / "file").symlink_to(outside / "secret.txt")
    (root / "folder").symlink_to(outside)
    (root / "inside").symlink_to("real.txt")
    (root / "dangling").symlink_to(outside / "new.txt")
    for path in ("file", "folder/secret.txt", "inside", "dangling"):
        with pytest.raises(BadPath):
            await workspace.read(confine(path))
        with pytest.raises(BadPath):
            await workspace.write(confine(path), b"x", expected_sha256=None)
    for path in ("folder/secret.txt", "folder/new.txt"):
        with pytest.raises(BadPath):
            await workspace.rename(confine(path), confine("stolen.txt"))
        with pytest.raises(BadPath):
            await workspace.rename(confine("real.txt"), confine(path))
        with pytest.raises(BadPath):
            await workspace.delete(confine(path))
    with pytest.raises(BadPath):
        await workspace.write(confine("folder/new/deep.txt"), b"x", expected_sha256=None)
    with pytest.raises(BadPath):
        await workspace.list_folder(confine("folder"))
    assert await workspace.walk() == [
        Entry(RelPath("inside"), "link", 8, target="real.txt"),
        Entry(RelPath("real.txt"), "file", 4),
    ]
    assert names(outside) == ["secret.txt"]
    assert (outside / "secret.txt").read_text() == "secret"


async def test_deleting_a_link_or_a_folder_with_links_leaves_what_they_point_to(
    workspace: DiskWorkspace, root: Path, outside: Path
) -> None:
    (root / "link").symlink_to(outside)
    (root / "src").mkdir()
    (root / "src" / "link").symlink_to(outside)
    await workspace.delete(confine("link"))
    await workspace.delete(confine("src"))
    assert names(root) == []
    assert (outside / "secret.txt").read_text() == "secret"


async def test_a_folder_swapped_for_a_link_at_any_moment_lets_nothing_out(
    workspace: DiskWorkspace, root: Path, outside: Path
) -> None:
    (root / "src").mkdir()
    (root / "src" / "secret.txt").write_text("harmless")
    is_over = threading.Event()

    def swap() -> None:
        while not is_over.is_set():
            (root / "src").rename(root / "aside")
            with suppress(FileExistsError):  # the writer has made a folder meanwhile
                (root / "src").symlink_to(outside)
                (root / "src").unlink()
            shutil.rmtree(root / "src", ignore_errors=True)
            with suppress(OSError):
                (root / "aside").rename(root / "src")
                continue
            shutil.rmtree(root / "src", ignore_errors=True)
            (root / "aside").rename(root / "src")

    attacker = asyncio.get_running_loop().run_in_executor(None, swap)
    try:
        for _ in range(300):
            try:
                assert await workspace.read(confine("src/secret.txt")) == b"harmless"
                await workspace.write(confine("src/mine.txt"), b"x", expected_sha256=None)
            except (BadPath, NoSuchFile, Changed):
                continue
    finally:
        is_over.set()
        await asyncio.wait([attacker])
    assert names(outside) == ["secret.txt"]


async def test_special_files_are_refused_without_waiting(
    workspace: DiskWorkspace, root: Path
) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(BadPath):
        await workspace.read(confine("pipe"))
    with pytest.raises(BadPath):
        await workspace.write(confine("pipe"), b"x", expected_sha256=None)
    assert await workspace.walk() == []


async def test_names_that_cannot_be_confined_and_unfinished_writes_are_not_listed(
    workspace: DiskWorkspace, root: Path
) -> None:
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("token")
    (root / (TEMPORARY_PREFIX + "1234")).write_text("half")
    (root / "trailing.").write_text("x")
    (root / "fine.txt").write_text("x")
    assert await workspace.walk() == [Entry(RelPath("fine.txt"), "file", 1)]


async def test_a_replaced_file_keeps_its_mode(workspace: DiskWorkspace, root: Path) -> None:
    script = root / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    await workspace.write(confine("run.sh"), b"#!/bin/sh\necho\n", expected_sha256=None)
    assert script.stat().st_mode & 0o777 == 0o755


async def test_a_hard_link_to_a_file_outside_is_cut_not_written_through(
    workspace: DiskWorkspace, root: Path, outside: Path
) -> None:
    (root / "linked.txt").hardlink_to(outside / "secret.txt")
    await workspace.write(confine("linked.txt"), b"mine", expected_sha256=None)
    assert (outside / "secret.txt").read_text() == "secret"
    assert (root / "linked.txt").read_text() == "mine"


async def test_a_reader_never_sees_half_a_write(workspace: DiskWorkspace) -> None:
    contents = {bytes([letter]) * 200_000 for letter in b"ab"}
    await workspace.write(confine("a"), min(contents), expected_sha256=None)

    async def write() -> None:
        for _ in range(20):
            for content in contents:
                await workspace.write(confine("a"), content, expected_sha256=None)

    async with asyncio.TaskGroup() as group:
        writing = group.create_task(write())
        while not writing.done():
            assert await workspace.read(confine("a")) in contents


async def test_two_writers_that_saw_the_same_content_do_not_both_win(
    workspace: DiskWorkspace,
) -> None:
    results = await asyncio.gather(
        *(workspace.write(confine("a"), str(n).encode(), expected_sha256="") for n in range(10)),
        return_exceptions=True,
    )
    assert results.count(None) == 1


FILL = """
import asyncio, resource, signal, sys
from pathlib import Path
from tools.workspace.disk import DiskWorkspace
from tools.workspace.paths import confine
from tools.workspace.port import DiskFull
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
async def main():
    workspace = DiskWorkspace(Path(sys.argv[1]))
    try:
        await workspace.write(confine("a.txt"), b"x" * 100_000, expected_sha256=None)
    except DiskFull as full:
        print(full)
asyncio.run(main())
"""


def test_without_room_the_old_file_stays_and_nothing_is_left_behind(root: Path) -> None:
    (root / "a.txt").write_text("old")
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", FILL, str(root)], capture_output=True, text=True, check=True
    )
    assert "no room left to write a.txt" in done.stdout
    assert (root / "a.txt").read_text() == "old"
    assert names(root) == ["a.txt"]
    assert DiskFull.code == "disk_full"


LOCKED = """
import asyncio, os, sys
from pathlib import Path
from core.errors import Refused
from tools.workspace.disk import DiskWorkspace
from tools.workspace.paths import confine
workspace = DiskWorkspace(Path(sys.argv[1]))
async def main():
    await workspace.walk()  # imports what threads need while we still may
    if os.geteuid() == 0:
        os.setuid(65534)
    print([entry.path for entry in await workspace.walk()])
    for attempt in (
        workspace.read(confine("locked/a")),
        workspace.read(confine("b")),
        workspace.write(confine("locked/a"), b"x", expected_sha256=None),
        workspace.delete(confine("locked/a")),
        workspace.list_folder(confine("locked")),
    ):
        try:
            await attempt
        except Refused as refused:
            print(refused.code)
asyncio.run(main())
"""


def test_what_the_system_forbids_is_refused_in_words() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        root = Path(folder)
        root.chmod(0o755)
        (root / "locked").mkdir()
        (root / "locked" / "a").write_text("x")
        (root / "locked").chmod(0)
        (root / "b").write_text("x")
        (root / "b").chmod(0)
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter
                [sys.executable, "-c", LOCKED, folder], capture_output=True, text=True, check=True
            )
        finally:
            (root / "locked").chmod(0o755)
    assert done.stdout.split("\n")[:-1] == ["['b', 'locked']"] + ["not_permitted"] * 5


async def test_a_mirror_takes_what_the_store_has(workspace: DiskWorkspace, root: Path) -> None:
    for path in ("docs/Readme", "docs/readme", "Docs/readme"):
        await workspace.mirror(confine(path), path.encode())
    await workspace.mirror(confine("big.bin"), b"x" * (MAX_FILE_BYTES + 1))
    assert (root / "docs" / "Readme").read_text() == "docs/Readme"
    assert (root / "Docs" / "readme").read_text() == "Docs/readme"
    assert (root / "big.bin").stat().st_size == MAX_FILE_BYTES + 1
    big = hashlib.sha256(b"x" * (MAX_FILE_BYTES + 1)).hexdigest()
    assert await workspace.sha256(confine("big.bin")) == big


async def test_a_mirror_replaces_a_link_and_follows_none(
    workspace: DiskWorkspace, root: Path, outside: Path
) -> None:
    (root / "link").symlink_to(outside / "secret.txt")
    (root / "folder").symlink_to(outside)
    (root / "real").write_text("a file")
    await workspace.mirror(confine("link"), b"x")
    sha256, stamp = await workspace.mirror(confine("real"), b"link", mode="symlink")
    assert (sha256, stamp.mode) == (hashlib.sha256(b"link").hexdigest(), "symlink")
    assert await workspace.sha256(confine("real")) == sha256
    for path in ("folder/secret.txt", "folder/new.txt"):
        with pytest.raises(BadPath):
            await workspace.mirror(confine(path), b"x")
    assert not (root / "link").is_symlink()
    assert (root / "real").readlink() == Path("link")
    assert await workspace.first_link(confine("real")) == Link(RelPath("real"), "link")
    assert names(outside) == ["secret.txt"]
    assert (outside / "secret.txt").read_text() == "secret"


async def test_a_mirror_sets_the_mode_and_keeps_it_without_one(
    workspace: DiskWorkspace, root: Path
) -> None:
    path, script = confine("bin/run.sh"), root / "bin" / "run.sh"
    steps: list[tuple[FileMode | None, bool]] = [
        ("regular", False),
        ("executable", True),
        (None, True),
        ("regular", False),
        (None, False),
    ]
    for mode, is_executable in steps:
        _, stamp = await workspace.mirror(path, b"#!/bin/sh\n", mode=mode)
        assert os.access(script, os.X_OK) is is_executable
        assert stamp.mode == ("executable" if is_executable else "regular")


async def test_a_folder_is_made_with_its_parents_and_may_be_there(
    workspace: DiskWorkspace, root: Path
) -> None:
    await workspace.make_folder(confine("a/b"))
    await workspace.make_folder(confine("a/b"))
    assert (root / "a" / "b").is_dir()


NFC, NFD = "r\u00e9sum\u00e9", "re\u0301sume\u0301"


async def test_a_name_that_stands_there_decomposed_is_the_same_name(
    workspace: DiskWorkspace, root: Path
) -> None:
    (root / NFD).mkdir()
    (root / NFD / f"{NFD}.txt").write_text("one")
    path = confine(f"{NFC}/{NFC}.txt")
    assert [entry.path for entry in await workspace.walk()] == [NFC, path]
    assert [entry.path for entry in await workspace.list_folder(confine(NFD))] == [path]
    assert await workspace.read(path) == b"one"
    await workspace.write(path, b"two", expected_sha256=hashlib.sha256(b"one").hexdigest())
    await workspace.write(confine(f"{NFC}/new.txt"), b"three", expected_sha256="")
    with pytest.raises(AlreadyThere):
        await workspace.rename(confine(f"{NFC}/new.txt"), path)
    assert names(root) == [NFD]
    assert names(root / NFD) == ["new.txt", f"{NFD}.txt"]
    await workspace.rename(confine(NFC), confine("b"))
    await workspace.delete(confine(f"b/{NFC}.txt"))
    assert names(root / "b") == ["new.txt"]


async def test_a_folder_that_holds_both_spellings_says_so(
    workspace: DiskWorkspace, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / NFD).write_text("decomposed")
    (root / NFC).write_text("composed, and longer")
    (entry,) = await workspace.list_folder(ROOT)
    assert (entry.path, entry.size_bytes) == (NFC, 20)
    assert await workspace.read(confine(NFD)) == b"composed, and longer"
    assert caplog.messages == ["two_spellings_of_one_name"]
