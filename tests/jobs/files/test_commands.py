"""What commands change in a project's folder: kept with their result, or taken back."""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from core.ids import OwnerId, ProjectId
from jobs.answer.records import edit_records
from jobs.files.commands import Changes
from jobs.files.folder import ProjectFolder
from store import Store
from tools.workspace.edits import Deleted, Edit, MadeFolder, Renamed, Written
from tools.workspace.port import MAX_FILE_BYTES, RelPath

FILES = {
    "README.md": b"hello\n",
    "src/a.ts": b"export {};\n",
    "src/deep/logo.png": b"\x89PNG\0\1",
    "dist/kept.js": b"1\n",
    ".gitignore": b"dist/\n*.log\n",
}


@pytest.fixture
async def project_id(store: Store, owner: OwnerId) -> ProjectId:
    project = await store.projects.create(owner=owner, name="Shop")
    await store.files.write_many(project.project_id, FILES, owner=owner)
    return project.project_id


@pytest.fixture
async def folder(
    store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path
) -> ProjectFolder:
    folder = ProjectFolder(store, project_id, owner, tmp_path / "project")
    await folder.pull()
    return folder


def on_disk(folder: ProjectFolder) -> dict[str, bytes]:
    return {
        path.relative_to(folder.path).as_posix(): path.read_bytes()
        for path in sorted(folder.path.rglob("*"))
        if path.is_file()
    }


async def shell(folder: ProjectFolder, script: str) -> None:
    process = await asyncio.create_subprocess_exec("/bin/sh", "-ec", script, cwd=folder.path)
    assert await process.wait() == 0


async def run(folder: ProjectFolder, script: str) -> tuple[Edit, ...]:
    """The changes that a shell script makes, as they would be committed."""
    await folder.command_begins("c1")
    await shell(folder, script)
    return (await folder.command_changes("c1")).edits


@pytest.mark.parametrize(
    ("script", "edits"),
    [
        ("true", []),
        ("touch README.md src/a.ts", []),
        ("printf 'bye\\n' > README.md", [("README.md", b"bye\n")]),
        ("printf 'HELLO\\n' > README.md", [("README.md", b"HELLO\n")]),
        ("mkdir -p lib && printf x > lib/new.ts", [("lib/new.ts", b"x")]),
        ("mkdir -p empty/deep node_modules/x .git/x", ["empty/deep"]),
        ("rm src/a.ts", ["src/a.ts"]),
        ("rm -r src", ["src"]),
        ("mv src/a.ts b.ts", ["src/a.ts", ("b.ts", b"export {};\n")]),
        (
            "mv src lib",
            ["src", ("lib/a.ts", b"export {};\n"), ("lib/deep/logo.png", b"\x89PNG\0\1")],
        ),
        (
            "rm README.md && mkdir README.md && printf 1 > README.md/x",
            ["README.md", ("README.md/x", b"1")],
        ),
        ("printf 1 > out.log && mkdir -p node_modules/m && printf 1 > node_modules/m/i.js", []),
        ("printf 1 > dist/new.js && printf 2 > dist/kept.js", [("dist/kept.js", b"2")]),
        ("rm dist/kept.js", ["dist/kept.js"]),
        ("ln -s README.md link && mkfifo pipe && printf 1 > 'a:b'", [("link", b"README.md")]),
        (
            "ln -s ../a.ts src/deep/up && ln -s gone dangling",
            [("dangling", b"gone"), ("src/deep/up", b"../a.ts")],
        ),
        ("rm README.md && ln -s src README.md", [("README.md", b"src")]),
        ("rm -r src && ln -s . src", ["src", ("src", b".")]),
        (
            "mv src lib && ln -s lib src",
            [
                "src",
                ("lib/a.ts", b"export {};\n"),
                ("lib/deep/logo.png", b"\x89PNG\0\1"),
                ("src", b"lib"),
            ],
        ),
        ("chmod +x src/a.ts README.md && chmod -x README.md", [("src/a.ts", b"export {};\n")]),
        ("rm README.md && mkdir README.md", ["README.md", "README.md"]),
        ("chmod 600 README.md && chmod 664 src/a.ts", []),
        ("ln -s /etc/passwd a && ln -s ../../x src/up && ln -s ../.git g && ln -s a/../b c", []),
        ("ln -s src node_modules && ln -s src dist2 && ln -s src x.log", [("dist2", b"src")]),
        ("ln -s /etc outside", []),
        (
            "printf 'src/\\n' >> .gitignore && printf 3 > src/a.ts",
            [(".gitignore", b"dist/\n*.log\nsrc/\n"), ("src/a.ts", b"3")],
        ),
    ],
)
async def test_what_a_command_has_changed(
    folder: ProjectFolder, script: str, edits: list[str | tuple[str, bytes]]
) -> None:
    found = await run(folder, script)
    told = [(edit.path, edit.data) if isinstance(edit, Written) else edit.path for edit in found]
    assert told == edits


async def test_what_a_file_is_now_is_said_where_it_changed(folder: ProjectFolder) -> None:
    found = await run(
        folder,
        "chmod +x README.md && printf 1 > new && printf 2 > new.sh && chmod 755 new.sh"
        " && ln -s src link && printf more >> src/a.ts",
    )
    assert {edit.path: edit.mode for edit in found if isinstance(edit, Written)} == {
        "README.md": "executable",
        "link": "symlink",
        "new": None,
        "new.sh": "executable",
        "src/a.ts": None,
    }


async def test_modes_and_links_come_back_as_they_were_kept(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path
) -> None:
    await commit(
        store,
        owner,
        project_id,
        await run(
            folder,
            "chmod +x src/a.ts && ln -s ../src/a.ts src/l && rm README.md"
            " && ln -s src README.md && printf 1 > src/deep/logo.png",
        ),
    )
    there = ProjectFolder(store, project_id, owner, tmp_path / "another")
    for one in (folder, there):
        folder.command_lost("c1")
        await one.pull()
        assert os.access(one.path / "src" / "a.ts", os.X_OK)
        assert not os.access(one.path / "src" / "deep" / "logo.png", os.X_OK)
        assert (one.path / "src" / "l").readlink() == Path("../src/a.ts")
        assert (one.path / "README.md").readlink() == Path("src")
        assert await run(one, "true") == ()
    await commit(
        store,
        owner,
        project_id,
        await run(
            there,
            "chmod -x src/a.ts && rm src/l README.md && printf x > README.md"
            " && ln -s deep src/l && touch -h src/l",
        ),
    )
    folder.command_lost("c1")
    await folder.pull()
    assert not os.access(folder.path / "src" / "a.ts", os.X_OK)
    assert (folder.path / "src" / "l").readlink() == Path("deep")
    assert not (folder.path / "README.md").is_symlink()
    assert (folder.path / "README.md").read_bytes() == b"x"


async def test_a_link_that_a_lost_command_has_left_is_taken_back_and_not_followed(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.ts").write_text("theirs")
    await run(
        folder,
        "mv src lib && ln -s ../../outside src && rm README.md && ln -s .gitignore README.md"
        " && ln -s lib inside",
    )
    folder.command_lost("c1")
    await store.files.delete(project_id, "src/deep", owner=owner)
    await folder.pull()
    assert on_disk(folder) == {
        path: data for path, data in FILES.items() if path != "src/deep/logo.png"
    }
    assert not any(path.is_symlink() for path in folder.path.rglob("*"))
    assert (outside / "a.ts").read_text() == "theirs"


async def test_links_that_lead_out_stay_and_are_told_once(folder: ProjectFolder) -> None:
    await folder.command_begins("c1")
    await shell(folder, "ln -s /etc/hosts out && ln -s ../.. src/up && ln -s src/a.ts in")
    changes = await folder.command_changes("c1")
    assert changes.leading_out == {"out": "/etc/hosts", "src/up": "../.."}
    folder.command_lost("c1")
    await folder.pull()
    assert (folder.path / "out").is_symlink()
    await folder.command_begins("c2")
    await shell(folder, "rm out && ln -s /usr other")
    assert (await folder.command_changes("c2")).leading_out == {"other": "/usr"}


async def test_names_that_no_project_can_keep_stay_and_are_told_once(folder: ProjectFolder) -> None:
    await folder.command_begins("c1")
    script = r"printf 1 > 'a:b' && mkdir 'end.' && printf 1 > 'end./x' && mkdir .git node_modules"
    await shell(folder, script)
    (folder.path / os.fsdecode(b"caf\xe9")).write_bytes(b"1")
    changes = await folder.command_changes("c1")
    assert changes.edits == ()
    assert sorted(changes.unnameable) == ["a:b", os.fsdecode(b"caf\xe9"), "end."]
    assert (await folder.command_changes("c1")).unnameable == ()
    folder.command_lost("c1")
    await folder.pull()
    assert (folder.path / "end." / "x").exists()


async def commit(
    store: Store, owner: OwnerId, project_id: ProjectId, edits: Sequence[Edit]
) -> None:
    """As the mutation does that keeps them with a result."""
    for edit in edits:
        match edit:
            case Written():
                await store.files.write(
                    project_id,
                    edit.path,
                    edit.data,
                    owner=owner,
                    expected_sha256=edit.base_sha256,
                    mode=edit.mode,
                )
            case Deleted():
                await store.files.delete(project_id, edit.path, owner=owner)
            case MadeFolder():
                await store.files.make_folder(project_id, edit.path, owner=owner)
            case Renamed():
                raise AssertionError("a command's changes have no renames")


async def test_a_change_that_keeps_size_and_follows_at_once_is_seen(folder: ProjectFolder) -> None:
    """The times on files are coarse: the folder was written a moment ago."""
    for number in range(20):
        await folder.apply(edit_records([Written(RelPath("n"), b"%02d" % number, "")]))
        (folder.path / "n").write_bytes(b"xx")
        await folder.command_begins("c")
        [edit] = (await folder.command_changes("c")).edits
        assert isinstance(edit, Written)
        assert edit.data == b"xx"


async def test_kept_changes_are_no_changes_any_more(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId
) -> None:
    await folder.command_begins("c1")
    await shell(folder, "rm -r src && printf new > new.txt")
    changes = await folder.command_changes("c1")
    await store.files.write(project_id, "new.txt", b"new", owner=owner)
    await store.files.delete(project_id, "src", owner=owner)
    await folder.command_kept("c1", changes)
    await folder.command_begins("c2")
    assert (await folder.command_changes("c2")).edits == ()
    await folder.command_kept("c2", Changes(()))
    await folder.pull()
    assert set(on_disk(folder)) == {"README.md", "dist/kept.js", ".gitignore", "new.txt"}


async def test_what_a_lost_command_has_left_is_taken_back_and_what_is_ignored_stays(
    folder: ProjectFolder,
) -> None:
    await run(
        folder,
        "rm -r src && printf bye > README.md && mkdir -p made node_modules/m"
        " && printf 1 > made/x && printf 1 > node_modules/m/i.js",
    )
    folder.command_lost("c1")
    await folder.pull()
    assert on_disk(folder) == {**FILES, "node_modules/m/i.js": b"1"}


async def test_it_is_taken_back_by_the_process_that_comes_next(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path
) -> None:
    await run(folder, "rm -r src && printf bye > README.md && printf 1 > stray")
    another = ProjectFolder(store, project_id, owner, tmp_path / "project")
    await another.pull()
    assert on_disk(another) == FILES


async def test_what_was_pushed_by_a_process_that_died_then_is_no_change_of_the_next(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path
) -> None:
    found = await run(folder, "rm -r src/deep README.md && mkdir README.md && printf 1 > new")
    await commit(store, owner, project_id, found)
    another = ProjectFolder(store, project_id, owner, tmp_path / "project")
    await another.pull()
    assert await run(another, "true") == ()


async def test_a_pull_leaves_a_command_alone_that_still_runs(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId
) -> None:
    await folder.command_begins("c1")
    (folder.path / "made.txt").write_bytes(b"so far")
    await store.files.write(project_id, "theirs.txt", b"theirs", owner=owner)
    await folder.pull()
    assert on_disk(folder) == {**FILES, "made.txt": b"so far", "theirs.txt": b"theirs"}
    [edit] = (await folder.command_changes("c1")).edits
    assert edit == Written(RelPath("made.txt"), b"so far", "")


async def test_a_file_that_no_project_can_hold_is_named(folder: ProjectFolder) -> None:
    await folder.command_begins("c1")
    with (folder.path / "huge.bin").open("wb") as file:
        os.truncate(file.fileno(), MAX_FILE_BYTES + 1)
    changes = await folder.command_changes("c1")
    assert changes.edits == ()
    assert changes.too_large == ("huge.bin",)


async def test_a_folder_of_before_without_an_index_is_compared_once(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path
) -> None:
    for file in (tmp_path / "project").glob("index.db*"):
        file.unlink()
    (folder.path / "src" / "a.ts").write_bytes(b"spoilt")
    another = ProjectFolder(store, project_id, owner, tmp_path / "project")
    await another.pull()
    assert on_disk(another) == FILES
    assert await run(another, "rm src/a.ts") == (Deleted(RelPath("src/a.ts")),)


async def test_an_index_of_before_that_knew_no_modes_is_made_anew(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path
) -> None:
    for file in (tmp_path / "project").glob("index.db*"):
        file.unlink()
    with closing(sqlite3.connect(tmp_path / "project" / "index.db")) as old, old:
        old.execute("CREATE TABLE entry (path TEXT PRIMARY KEY, sha256 TEXT, size_bytes, mtime_ns)")
        old.execute("PRAGMA user_version = 1")
    (folder.path / "src" / "a.ts").chmod(0o755)
    another = ProjectFolder(store, project_id, owner, tmp_path / "project")
    await another.pull()
    assert not os.access(another.path / "src" / "a.ts", os.X_OK)
    assert await run(another, "true") == ()


async def test_an_index_that_got_lost_under_way_is_no_empty_one(
    folder: ProjectFolder, tmp_path: Path
) -> None:
    for file in (tmp_path / "project").glob("index.db*"):
        file.unlink()
    await run(folder, "printf bye > README.md")
    folder.command_lost("c1")
    await folder.pull()
    assert on_disk(folder) == FILES
    assert await run(folder, "rm src/a.ts") == (Deleted(RelPath("src/a.ts")),)


async def test_an_index_that_is_spoilt_is_made_anew(folder: ProjectFolder, tmp_path: Path) -> None:
    for file in (tmp_path / "project").glob("index.db-*"):
        file.unlink()
    (tmp_path / "project" / "index.db").write_bytes(b"no database" * 1000)
    (folder.path / "README.md").write_bytes(b"spoilt")
    await folder.command_begins("c0")
    folder.command_lost("c0")
    await folder.pull()
    assert on_disk(folder) == FILES
