"""Links that stay inside are followed to where they lead; none leads anybody out."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools.files import FILE_TOOLS
from tools.place import Place
from tools.registry import Toolbox
from tools.workspace.disk import DiskWorkspace
from tools.workspace.edits import Deleted, MadeFolder, Renamed, Written
from tools.workspace.links import followed, leads_to
from tools.workspace.memory import MemoryWorkspace
from tools.workspace.paths import ROOT, confine
from tools.workspace.port import AlreadyThere, BadPath, IsAFolder, NoSuchFile, RelPath, Workspace
from tools.workspace.staged import StagedWorkspace

CASES = json.loads((Path(__file__).parents[2] / "contracts" / "links.json").read_text())
FILES: dict[str, str | bytes] = {"src/app.ts": "one", "src/run.sh": "#!", "lib/deep/b.ts": "two"}
LINKS = {
    "app": "src/app.ts",
    "code": "src",
    "lib/up": "../src",
    "chain": "lib/up/app.ts",
    "new": "src/new.ts",
    "loop": "loop2",
    "loop2": "loop",
    "lib/root": "..",
}
LEADING_OUT = {"etc": "/etc", "above": "../outside", "hop": "above", "odd": "src/../src"}


@pytest.fixture(params=["disk", "memory"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    if request.param == "memory":
        return MemoryWorkspace(FILES, links={**LINKS, **LEADING_OUT}, executable={"src/run.sh"})
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_text("secret")
    root = tmp_path / "root"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text if isinstance(text, bytes) else text.encode())
    for path, target in {**LINKS, **LEADING_OUT}.items():
        (root / path).symlink_to(target)
    (root / "src" / "run.sh").chmod(0o755)
    return DiskWorkspace(root)


@pytest.fixture
def stage(base: Workspace) -> StagedWorkspace:
    return StagedWorkspace(base)


async def put(stage: StagedWorkspace, path: str, data: bytes = b"x") -> None:
    await stage.write(confine(path), data, expected_sha256=None)


@pytest.mark.parametrize(("link", "target"), CASES["inside"])
def test_what_stays_inside(link: str, target: str) -> None:
    assert leads_to(RelPath(link), target) is not None


@pytest.mark.parametrize(("link", "target"), CASES["outside"])
def test_what_leads_out(link: str, target: str) -> None:
    assert leads_to(RelPath(link), target) is None


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("app", b"one"),
        ("code/app.ts", b"one"),
        ("lib/up/app.ts", b"one"),
        ("chain", b"one"),
        ("lib/root/lib/root/lib/deep/b.ts", b"two"),
    ],
)
async def test_a_read_follows(stage: StagedWorkspace, path: str, content: bytes) -> None:
    assert await stage.read(confine(path)) == content


@pytest.mark.parametrize("path", ["etc", "etc/passwd", "above/x", "hop/x", "odd", "odd/app.ts"])
async def test_nothing_is_done_through_a_link_that_leads_out(
    stage: StagedWorkspace, path: str
) -> None:
    there = confine(path)
    for use in (
        stage.read(there),
        stage.write(there, b"x", expected_sha256=None),
        stage.make_folder(there),
        stage.list_folder(there),
    ):
        with pytest.raises(BadPath, match=r"leads out of the project, to '"):
            await use
    assert stage.edits == ()


async def test_links_that_lead_to_one_another_are_refused(stage: StagedWorkspace) -> None:
    for path in ("loop", "loop/x", "loop2"):
        with pytest.raises(BadPath, match="lead to one another"):
            await stage.read(confine(path))


async def test_a_write_is_that_of_the_file_it_leads_to(stage: StagedWorkspace) -> None:
    await put(stage, "app", b"1")
    await put(stage, "lib/up/more/c.ts", b"2")
    await put(stage, "new", b"3")
    assert [edit.path for edit in stage.edits] == ["src/app.ts", "src/more/c.ts", "src/new.ts"]
    assert await stage.read(confine("src/app.ts")) == await stage.read(confine("chain")) == b"1"
    assert await stage.read(confine("new")) == await stage.read(confine("src/new.ts")) == b"3"
    with pytest.raises(IsAFolder):
        await put(stage, "code")


async def test_deleting_and_renaming_take_the_link_itself(stage: StagedWorkspace) -> None:
    await stage.delete(confine("code"))
    await stage.rename(confine("app"), confine("lib/app"))
    await stage.delete(confine("lib/up/run.sh"))
    await stage.rename(confine("lib/root/src/app.ts"), confine("lib/up/main.ts"))
    assert stage.edits == (
        Deleted(confine("code")),
        Renamed(confine("app"), confine("lib/app")),
        Deleted(confine("src/run.sh")),
        Renamed(confine("src/app.ts"), confine("src/main.ts")),
    )
    with pytest.raises(NoSuchFile):
        await stage.read(confine("lib/app"))  # it is relative, and leads elsewhere now
    with pytest.raises(AlreadyThere):
        await stage.rename(confine("src/main.ts"), confine("new"))
    with pytest.raises(BadPath, match="cannot be moved into itself"):
        await stage.rename(confine("src"), confine("lib/up/inner"))


async def test_what_was_moved_or_deleted_on_the_stage_is_followed_as_it_is_there(
    stage: StagedWorkspace,
) -> None:
    await stage.rename(confine("src"), confine("code2"))
    with pytest.raises(NoSuchFile):
        await stage.read(confine("app"))
    await put(stage, "src/app.ts", b"another")
    assert await stage.read(confine("chain")) == b"another"
    await stage.delete(confine("lib/up"))
    with pytest.raises(NoSuchFile):
        await stage.read(confine("chain"))


async def test_where_a_link_was_a_file_can_be_written(stage: StagedWorkspace) -> None:
    await stage.delete(confine("app"))
    await put(stage, "app", b"a file")
    await stage.rename(confine("code"), confine("source"))
    await put(stage, "code", b"another")
    assert await stage.read(confine("app")) == b"a file"
    assert await stage.read(confine("code")) == b"another"
    assert await stage.read(confine("source/app.ts")) == b"one"


async def test_a_folder_is_made_and_listed_where_the_link_leads(stage: StagedWorkspace) -> None:
    await stage.make_folder(confine("code/x"))
    assert stage.edits == (MadeFolder(confine("src/x")),)
    listed = [entry.path for entry in await stage.list_folder(confine("lib/up"))]
    assert listed == ["src/x", "src/app.ts", "src/run.sh"]
    assert len(await stage.list_folder(confine("lib/root"))) == len(await stage.list_folder(ROOT))


async def test_a_walk_has_the_links_and_goes_through_none(base: Workspace) -> None:
    entries = {entry.path: entry for entry in await base.walk()}
    links = {path: entry.target for path, entry in entries.items() if entry.kind == "link"}
    assert {**LINKS, **LEADING_OUT}.items() >= links.items() >= LINKS.items()
    assert {path for path, entry in entries.items() if entry.is_executable} == {"src/run.sh"}
    assert set(entries) - links.keys() == {*FILES, "src", "lib", "lib/deep"}


async def test_a_write_keeps_a_file_executable(stage: StagedWorkspace) -> None:
    await put(stage, "src/run.sh", b"longer than before")
    await stage.rename(confine("src/run.sh"), confine("bin/run"))
    await put(stage, "bin/run", b"longer than ever before")
    found = {entry.path: entry for entry in await stage.walk() if entry.is_executable}
    assert {path: entry.size_bytes for path, entry in found.items()} == {"bin/run": 23}
    assert [edit.mode for edit in stage.edits if isinstance(edit, Written)] == [None, None]


async def test_a_link_that_is_put_there_after_the_look_leads_nowhere(tmp_path: Path) -> None:
    """What the system does between following and using is refused when it is used."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_text("secret")
    root = tmp_path / "root"
    (root / "src").mkdir(parents=True)
    (root / "link").symlink_to("src")
    disk = DiskWorkspace(root)
    path = await followed(disk, confine("link/x"))
    (root / "src").rmdir()
    (root / "src").symlink_to("../outside")
    with pytest.raises(BadPath):
        await disk.read(path)
    with pytest.raises(BadPath):
        await disk.write(path, b"x", expected_sha256=None)
    assert (tmp_path / "outside" / "x").read_text() == "secret"


TOOLBOX = Toolbox(FILE_TOOLS)


async def call(stage: StagedWorkspace, tool: str, **arguments: Any) -> str:
    output = await TOOLBOX.run(tool, arguments, Place(stage))
    assert not output.is_error, output.text
    return output.text


async def test_the_tools_show_links_and_change_what_they_lead_to(stage: StagedWorkspace) -> None:
    tree = await call(stage, "getProjectStructure")
    assert "\napp -> src/app.ts\n" in tree
    assert "\n  up -> ../src\n" in tree
    assert "[link] code -> src" in await call(stage, "listFiles")
    assert await call(stage, "readFile", path="chain") == "one"
    await call(stage, "editFile", path="app", oldString="one", newString="1")
    patch = "*** Begin Patch\n*** Update File: code/run.sh\n@@\n-#!\n+#!/bin/sh\n*** End Patch"
    await call(stage, "applyPatch", patch=patch)
    await call(stage, "deleteFile", path="code")
    assert [edit.path for edit in stage.edits] == ["src/app.ts", "src/run.sh", "code"]
