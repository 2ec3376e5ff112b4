"""What every workspace does: on disk, in memory, and staged over either."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.workspace.disk import DiskWorkspace
from tools.workspace.edits import Deleted, MadeFolder, Renamed, Written
from tools.workspace.memory import MemoryWorkspace
from tools.workspace.paths import ROOT, confine
from tools.workspace.port import (
    MAX_FILE_BYTES,
    AlreadyThere,
    BadPath,
    Changed,
    Entry,
    IsAFolder,
    Link,
    NoSuchFile,
    NotAFolder,
    RelPath,
    TooLarge,
    Workspace,
)
from tools.workspace.staged import StagedWorkspace


class StageOfEachCall:
    """As the tool calls of a run work: each on a stage of its own, whose edits are then applied."""

    def __init__(self, base: Workspace) -> None:
        self._base = base

    async def read(self, path: RelPath) -> bytes:
        return await StagedWorkspace(self._base).read(path)

    async def write(self, path: RelPath, data: bytes, *, expected_sha256: str | None) -> None:
        stage = StagedWorkspace(self._base)
        await stage.write(path, data, expected_sha256=expected_sha256)
        await self._apply(stage)

    async def delete(self, path: RelPath) -> None:
        stage = StagedWorkspace(self._base)
        await stage.delete(path)
        await self._apply(stage)

    async def rename(self, source: RelPath, target: RelPath) -> None:
        stage = StagedWorkspace(self._base)
        await stage.rename(source, target)
        await self._apply(stage)

    async def make_folder(self, path: RelPath) -> None:
        stage = StagedWorkspace(self._base)
        await stage.make_folder(path)
        await self._apply(stage)

    async def list_folder(self, path: RelPath) -> list[Entry]:
        return await StagedWorkspace(self._base).list_folder(path)

    async def walk(self) -> list[Entry]:
        return await StagedWorkspace(self._base).walk()

    async def first_link(self, path: RelPath) -> Link | None:
        return await StagedWorkspace(self._base).first_link(path)

    async def _apply(self, stage: StagedWorkspace) -> None:
        for edit in stage.edits:
            match edit:
                case Written(path, data):
                    await self._base.write(confine(path), data, expected_sha256=None)
                case Deleted(path):
                    await self._base.delete(confine(path))
                case Renamed(path, new_path):
                    await self._base.rename(confine(path), confine(new_path))
                case MadeFolder(path):
                    await self._base.make_folder(confine(path))


KINDS = ["disk", "memory", "stage over disk", "stage over memory", "stage of each call"]


def over(kind: str, *, disk: Workspace, memory: Workspace) -> Workspace:
    make: dict[str, Callable[[], Workspace]] = {
        "disk": lambda: disk,
        "memory": lambda: memory,
        "stage over disk": lambda: StagedWorkspace(disk),
        "stage over memory": lambda: StagedWorkspace(memory),
        "stage of each call": lambda: StageOfEachCall(disk),
    }
    return make[kind]()


@pytest.fixture(params=KINDS)
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    return over(request.param, disk=DiskWorkspace(tmp_path), memory=MemoryWorkspace())


@pytest.fixture(params=KINDS)
async def twins(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    """With two names that some disks take for one, as a store may have them."""
    disk = DiskWorkspace(tmp_path)
    for path in ("src/App.ts", "src/app.ts"):
        await disk.mirror(confine(path), path.encode())
    memory = MemoryWorkspace({"src/App.ts": "src/App.ts", "src/app.ts": "src/app.ts"})
    return over(request.param, disk=disk, memory=memory)


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


async def test_a_folder_is_no_file(workspace: Workspace) -> None:
    await put(workspace, "src/a.ts")
    with pytest.raises(IsAFolder, match="src is a folder, not a file"):
        await workspace.read(confine("src"))
    with pytest.raises(IsAFolder):
        await put(workspace, "src")
    assert IsAFolder.code == "is_a_folder"


async def test_a_file_is_no_folder(workspace: Workspace) -> None:
    await put(workspace, "src/a.ts")
    await put(workspace, "b.ts")
    inside = confine("src/a.ts/b.ts")
    with pytest.raises(NotAFolder, match=r"src/a\.ts is a file, not a folder") as refused:
        await put(workspace, "src/a.ts/deep/b.ts")
    assert (refused.value.code, refused.value.file) == ("is_a_file", "src/a.ts")
    with pytest.raises(NotAFolder):
        await workspace.read(inside)
    with pytest.raises(NotAFolder):
        await workspace.list_folder(confine("src/a.ts"))
    with pytest.raises(NotAFolder):
        await workspace.list_folder(inside)
    with pytest.raises(NotAFolder):
        await workspace.delete(inside)
    with pytest.raises(NotAFolder):
        await workspace.rename(confine("b.ts"), inside)
    with pytest.raises(NotAFolder):
        await workspace.rename(inside, confine("c.ts"))
    assert await paths(workspace) == ["b.ts", "src", "src/a.ts"]


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


async def test_a_folder_is_made_with_its_parents_and_once(workspace: Workspace) -> None:
    for _ in range(2):
        await workspace.make_folder(confine("src/deep"))
    assert [(entry.path, entry.kind) for entry in await workspace.walk()] == [
        ("src", "folder"),
        ("src/deep", "folder"),
    ]
    assert await workspace.list_folder(confine("src/deep")) == []
    await put(workspace, "src/deep/a.ts")
    await workspace.make_folder(confine("src/deep"))
    assert await paths(workspace) == ["src", "src/deep", "src/deep/a.ts"]


async def test_no_folder_is_made_where_a_file_or_a_twin_stands(workspace: Workspace) -> None:
    await put(workspace, "src/a.ts")
    for path in ("src/a.ts", "src/a.ts/deep"):
        with pytest.raises(NotAFolder, match=r"src/a\.ts is a file"):
            await workspace.make_folder(confine(path))
    with pytest.raises(AlreadyThere, match="only in case"):
        await workspace.make_folder(confine("SRC"))
    assert await paths(workspace) == ["src", "src/a.ts"]


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


async def test_a_rename_makes_no_path_past_the_limits(workspace: Workspace) -> None:
    deep, long = "/".join("d" * 60), "/".join(["n" * 200] * 3)
    await put(workspace, f"src/{deep}/a.ts")
    await put(workspace, f"lib/{long}/b.ts")
    before = await paths(workspace)
    with pytest.raises(BadPath, match="deeper"):
        await workspace.rename(confine("src"), confine("/".join("t" * 50)))
    with pytest.raises(BadPath, match="longer"):
        await workspace.rename(confine("lib"), confine("/".join(["m" * 200] * 3)))
    assert await paths(workspace) == before
    await workspace.rename(confine("src"), confine("/".join("t" * 30)))
    await workspace.rename(confine("lib"), confine("m" * 200))
    assert await workspace.read(confine("m" * 200 + f"/{long}/b.ts")) == b"x"


async def test_names_that_differ_in_case_only_are_refused(workspace: Workspace) -> None:
    await put(workspace, "src/App.ts", b"a")
    for path in ("src/app.ts", "SRC/other.ts", "Src/App.ts"):
        with pytest.raises(AlreadyThere, match="only in case"):
            await put(workspace, path)
    await put(workspace, "b.ts")
    with pytest.raises(AlreadyThere, match="only in case"):
        await workspace.rename(confine("b.ts"), confine("src/APP.ts"))
    assert await paths(workspace) == ["b.ts", "src", "src/App.ts"]


async def test_twins_that_stand_already_are_used_as_they_are(twins: Workspace) -> None:
    await put(twins, "src/app.ts", b"edited")
    await put(twins, "src/other.ts")
    assert await twins.read(confine("src/App.ts")) == b"src/App.ts"
    assert await twins.read(confine("src/app.ts")) == b"edited"
    with pytest.raises(AlreadyThere):
        await put(twins, "src/APP.ts")
    await twins.rename(confine("src/app.ts"), confine("src/lower.ts"))
    assert await paths(twins) == ["src", "src/App.ts", "src/lower.ts", "src/other.ts"]


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
