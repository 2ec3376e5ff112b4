"""What every workspace does, on disk as in memory."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.disk import DiskWorkspace
from tools.memory import MemoryWorkspace
from tools.paths import ROOT, confine
from tools.workspace import (
    MAX_FILE_BYTES,
    AlreadyThere,
    BadPath,
    Changed,
    IsAFolder,
    NoSuchFile,
    TooLarge,
    Workspace,
)


@pytest.fixture(params=["disk", "memory"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    make: dict[str, Callable[[], Workspace]] = {
        "disk": lambda: DiskWorkspace(tmp_path),
        "memory": MemoryWorkspace,
    }
    return make[request.param]()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def put(workspace: Workspace, path: str, data: bytes = b"x") -> None:
    await workspace.write(confine(path), data, expected_sha256=None)


async def paths(workspace: Workspace) -> list[str]:
    return [entry.path for entry in await workspace.walk()]


async def test_what_was_written_is_read_back(workspace: Workspace) -> None:
    await put(workspace, "src/deep/a.bin", b"\0\xff\r\n")
    assert await workspace.read(confine("src/deep/a.bin")) == b"\0\xff\r\n"


async def test_a_write_replaces_the_whole_file(workspace: Workspace) -> None:
    await put(workspace, "a", b"a long text")
    await put(workspace, "a", b"short")
    assert await workspace.read(confine("a")) == b"short"


async def test_a_missing_file_is_named(workspace: Workspace) -> None:
    for path in ("no.ts", "no/such/file.ts"):
        with pytest.raises(NoSuchFile, match=f"File not found: {path}"):
            await workspace.read(confine(path))
        with pytest.raises(NoSuchFile):
            await workspace.delete(confine(path))
        with pytest.raises(NoSuchFile):
            await workspace.rename(confine(path), confine("other"))
        with pytest.raises(NoSuchFile):
            await workspace.list_folder(confine(path))


async def test_a_write_that_expects_another_content_changes_nothing(workspace: Workspace) -> None:
    await put(workspace, "a", b"theirs")
    for expected in (sha256(b"mine"), ""):
        with pytest.raises(Changed):
            await workspace.write(confine("a"), b"new", expected_sha256=expected)
    assert await workspace.read(confine("a")) == b"theirs"
    with pytest.raises(Changed):
        await workspace.write(confine("gone"), b"new", expected_sha256=sha256(b"mine"))
    assert await paths(workspace) == ["a"]


async def test_a_write_that_expects_what_is_there_succeeds(workspace: Workspace) -> None:
    await workspace.write(confine("a"), b"one", expected_sha256="")
    await workspace.write(confine("a"), b"two", expected_sha256=sha256(b"one"))
    assert await workspace.read(confine("a")) == b"two"


async def test_a_folder_is_no_file_and_a_file_no_folder(workspace: Workspace) -> None:
    await put(workspace, "src/a.ts")
    with pytest.raises(IsAFolder):
        await workspace.read(confine("src"))
    with pytest.raises(IsAFolder):
        await put(workspace, "src")
    with pytest.raises(IsAFolder):
        await put(workspace, "src/a.ts/b.ts")
    with pytest.raises(IsAFolder):
        await workspace.read(confine("src/a.ts/b.ts"))
    with pytest.raises(IsAFolder):
        await workspace.list_folder(confine("src/a.ts"))
    with pytest.raises(IsAFolder):
        await workspace.delete(confine("src/a.ts/b.ts"))
    await put(workspace, "b.ts")
    with pytest.raises(IsAFolder):
        await workspace.rename(confine("b.ts"), confine("src/a.ts/b.ts"))


async def test_deleting_a_folder_takes_all_that_is_in_it(workspace: Workspace) -> None:
    await put(workspace, "src/deep/a.ts")
    await put(workspace, "src2/b.ts")
    await workspace.delete(confine("src"))
    assert await paths(workspace) == ["src2", "src2/b.ts"]


async def test_a_folder_stays_when_its_last_file_goes(workspace: Workspace) -> None:
    await put(workspace, "src/a.ts")
    await workspace.delete(confine("src/a.ts"))
    assert await paths(workspace) == ["src"]
    assert await workspace.list_folder(confine("src")) == []


async def test_renaming_moves_a_folder_with_its_content_and_makes_parents(
    workspace: Workspace,
) -> None:
    await put(workspace, "src/deep/a.ts", b"a")
    await workspace.rename(confine("src"), confine("lib/core"))
    assert await paths(workspace) == ["lib", "lib/core", "lib/core/deep", "lib/core/deep/a.ts"]
    assert await workspace.read(confine("lib/core/deep/a.ts")) == b"a"


async def test_renaming_never_replaces(workspace: Workspace) -> None:
    await put(workspace, "a", b"a")
    await put(workspace, "b", b"b")
    for target in ("a", "b"):
        with pytest.raises(AlreadyThere):
            await workspace.rename(confine("a"), confine(target))
    assert await workspace.read(confine("b")) == b"b"


async def test_a_folder_cannot_move_into_itself(workspace: Workspace) -> None:
    await put(workspace, "src/a")
    with pytest.raises(BadPath):
        await workspace.rename(confine("src"), confine("src/inner"))
    assert await paths(workspace) == ["src", "src/a"]


async def test_names_that_differ_in_case_only_are_refused(workspace: Workspace) -> None:
    await put(workspace, "src/App.ts", b"a")
    for path in ("src/app.ts", "SRC/other.ts", "Src/App.ts"):
        with pytest.raises(AlreadyThere, match="only in case"):
            await put(workspace, path)
    await put(workspace, "b.ts")
    with pytest.raises(AlreadyThere, match="only in case"):
        await workspace.rename(confine("b.ts"), confine("src/APP.ts"))
    assert await paths(workspace) == ["b.ts", "src", "src/App.ts"]


async def test_a_file_can_be_renamed_to_another_case_of_itself(workspace: Workspace) -> None:
    await put(workspace, "App.ts", b"a")
    await workspace.rename(confine("App.ts"), confine("app.ts"))
    assert await paths(workspace) == ["app.ts"]


async def test_a_folder_lists_folders_first_then_by_name(workspace: Workspace) -> None:
    for path in ("b.ts", "a.ts", "z/x", "m/x"):
        await put(workspace, path, b"1234")
    entries = await workspace.list_folder(ROOT)
    assert [(entry.path, entry.kind, entry.size_bytes) for entry in entries] == [
        ("m", "folder", 0),
        ("z", "folder", 0),
        ("a.ts", "file", 4),
        ("b.ts", "file", 4),
    ]


async def test_too_large_a_file_is_refused(workspace: Workspace) -> None:
    await put(workspace, "fits", b"x" * MAX_FILE_BYTES)
    with pytest.raises(TooLarge):
        await put(workspace, "big", b"x" * (MAX_FILE_BYTES + 1))
    assert await paths(workspace) == ["fits"]


async def test_an_empty_workspace_has_nothing(workspace: Workspace) -> None:
    assert await workspace.walk() == []
    assert await workspace.list_folder(ROOT) == []
