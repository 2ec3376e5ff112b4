"""What a hostile model, project or neighbour may try with the file tools, on a real disk.

Each case has the words that the model gets; nothing outside of the project is ever read or changed.
"""

import os
import shutil
import socket
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tools.files import FILE_TOOLS
from tools.history import ChangeHistory, Step, Undoing
from tools.output import ToolOutput
from tools.place import Place, Provided
from tools.registry import Toolbox
from tools.workspace.disk import DiskWorkspace
from tools.workspace.memory import MemoryWorkspace
from tools.workspace.port import RelPath
from tools.workspace.staged import StagedWorkspace

SECRET = "the secret of the host"  # noqa: S105 - of nobody
TOOLBOX = Toolbox(FILE_TOOLS)


class AnythingWasThere(ChangeHistory):
    """The last of the paths that are named was a file, says this history."""

    async def undoing(self, paths: Sequence[RelPath] | None) -> Undoing:
        assert paths
        return Undoing(is_known=True, steps=(Step(paths[-1], None, "", "file", b"old"),))


class Site:
    """A project beside a secret. Each call has a stage of its own, whose edits are not applied."""

    def __init__(self, root: Path) -> None:
        self.outside = root / "outside"
        self.outside.mkdir()
        (self.outside / "secret.txt").write_text(SECRET)
        self.files = root / "files"
        (self.files / "src").mkdir(parents=True)
        (self.files / "src" / "app.ts").write_text("const a = 1;\n")
        self.last = StagedWorkspace(DiskWorkspace(self.files))

    async def call(self, tool: str, **arguments: Any) -> ToolOutput:
        self.last = StagedWorkspace(DiskWorkspace(self.files))
        place = Place(self.last, folder=self.files, need=Provided(AnythingWasThere()))
        return await TOOLBOX.run(tool, arguments, place)

    async def refused(self, tool: str, **arguments: Any) -> str:
        output = await self.call(tool, **arguments)
        assert output.is_error, output.text
        assert "defect" not in output.text
        assert SECRET not in output.text
        assert len(output.text) < 5_000
        assert self.last.edits == ()
        assert (self.outside / "secret.txt").read_text() == SECRET
        assert [entry.name for entry in self.outside.iterdir()] == ["secret.txt"]
        return output.text


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def every_tool(path: str) -> list[tuple[str, dict[str, Any]]]:
    """Each way to name a path to a tool."""
    good = "src/app.ts"
    one = {"oldString": "a", "newString": "b"}
    return [
        ("readFile", {"path": path}),
        ("writeFile", {"path": path, "content": "x"}),
        ("editFile", {"path": path, **one}),
        ("multiEdit", {"edits": [{"path": path, **one}]}),
        ("deleteFile", {"path": path}),
        ("renameFile", {"path": path, "newPath": "b"}),
        ("renameFile", {"path": good, "newPath": path}),
        ("createFolder", {"path": path}),
        ("undo", {"paths": [good, path]}),
        ("applyPatch", {"patch": f"*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch"}),
        ("applyPatch", {"patch": f"*** Begin Patch\n*** Delete File: {path}\n*** End Patch"}),
        (
            "applyPatch",
            {
                "patch": f"*** Begin Patch\n*** Update File: {good}\n*** Move to: {path}\n"
                "*** End Patch"
            },
        ),
    ]


PATHS = [
    ("../outside/secret.txt", "leaves the project"),
    ("src/../../outside/secret.txt", "leaves the project"),
    ("/etc/passwd", "is not relative to the project"),
    ("//host/share", "is not relative to the project"),
    ("/proc/self/environ", "is not relative to the project"),
    ("proc/../../proc/self/environ", "leaves the project"),
    ("~/.ssh/id_rsa", "is not relative to the project"),
    ("src/~/x", "which shells take for a home folder"),
    ("a\0b", "control or invisible character"),
    ("C:\\Windows\\x", "backslash"),
    ("C:/Windows/x", "is not relative to the project"),
    ("..\\outside\\secret.txt", "backslash"),
    ("\\\\host\\share", "backslash"),
    ("src/app.ts::$DATA", "has a colon"),
    ("\uff0e\uff0e/outside", None),  # full-width dots: a strange name inside, at most
    ("\u2025/outside", None),  # a two-dot leader
    ("..\u2215outside", None),  # a division slash
    ("\uff0egit/config", "which tools may neither read nor change"),
    (".GIT/config", "which tools may neither read nor change"),
    ("git~1/config", "which tools may neither read nor change"),
    (".g\u0131t/x", None),  # a dotless i: not `.git` on any disk
    ("src/\u202eapp.ts", "control or invisible character"),
    ("src/app\u200b.ts", "control or invisible character"),
    ("src/app.ts.", "ends with a dot"),
    ("src /x", "begins or ends with a space"),
    ("x" * 300, "longer than 255 bytes"),
    ("a/" * 200 + "b", "is deeper than 100 names"),
    (".polaris-tmp-0", "which tools may neither read nor change"),
]


@pytest.mark.parametrize(("path", "words"), PATHS, ids=[ascii(path)[:30] for path, _ in PATHS])
async def test_no_path_leaves_the_project(site: Site, path: str, words: str | None) -> None:
    for tool, arguments in every_tool(path):
        if words is not None:
            assert words in await site.refused(tool, **arguments), tool
        else:
            output = await site.call(tool, **arguments)
            assert SECRET not in output.text
    assert [entry.name for entry in site.outside.iterdir()] == ["secret.txt"]
    assert sorted(entry.name for entry in site.files.iterdir()) == ["src"]


LINKS: list[tuple[str, Callable[[Site], Path], str]] = [
    ("link", lambda site: site.outside / "secret.txt", "link"),
    ("folder", lambda site: site.outside, "folder/secret.txt"),
    ("folder", lambda site: site.outside, "folder/new.txt"),
    ("up", lambda _: Path(".."), "up/outside/secret.txt"),
    ("root", lambda _: Path("/"), "root/etc/passwd"),
    ("proc", lambda _: Path("/proc/self"), "proc/environ"),
    ("git", lambda _: Path(".git"), "git/config"),
    ("climbs", lambda _: Path("src/../../outside"), "climbs/secret.txt"),
    ("dangling", lambda site: site.outside / "not-there.txt", "dangling"),
    ("dangling", lambda site: site.outside / "not-there", "dangling/x.txt"),
]


@pytest.mark.parametrize(("name", "target", "path"), LINKS, ids=[link[2] for link in LINKS])
async def test_no_link_is_followed_out(
    site: Site, name: str, target: Callable[[Site], Path], path: str
) -> None:
    (site.files / name).symlink_to(target(site))
    for tool, arguments in every_tool(path):
        text = await site.refused(tool, **arguments)
        assert "symbolic link" in text or "File not found" in text, (tool, text)
    assert await site.call("listFiles") == ToolOutput("[folder] src")
    assert SECRET not in (await site.call("getProjectStructure")).text


async def test_a_folder_that_is_swapped_for_a_link_again_and_again_leads_nowhere(
    site: Site,
) -> None:
    (site.files / "hop").mkdir()
    (site.files / "hop" / "secret.txt").write_text("harmless")
    stop = threading.Event()

    def swap() -> None:
        hop, aside = site.files / "hop", site.files / "aside"
        while not stop.is_set():
            with suppress(OSError):  # a write has made the folder just now
                hop.rename(aside)
                hop.symlink_to(site.outside)
            with suppress(OSError):
                hop.unlink()
            with suppress(OSError):
                aside.rename(hop)
            if aside.exists():
                shutil.rmtree(aside)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(300):
            seen = await site.call("readFile", path="hop/secret.txt")
            assert SECRET not in seen.text
            disk = Place(DiskWorkspace(site.files))
            await TOOLBOX.run("writeFile", {"path": "hop/new.txt", "content": "x"}, disk)
            await TOOLBOX.run("deleteFile", {"path": "hop/new.txt"}, disk)
    finally:
        stop.set()
        swapper.join()
    assert [entry.name for entry in site.outside.iterdir()] == ["secret.txt"]
    assert (site.outside / "secret.txt").read_text() == SECRET


async def test_a_hard_link_is_replaced_not_written_through(site: Site) -> None:
    os.link(site.outside / "secret.txt", site.files / "hard.txt")
    disk = Place(DiskWorkspace(site.files))
    edit = {"path": "hard.txt", "oldString": "secret", "newString": "x"}
    output = await TOOLBOX.run("editFile", edit, disk)
    assert not output.is_error
    assert (site.outside / "secret.txt").read_text() == SECRET
    assert (site.files / "hard.txt").read_text() == "the x of the host"


async def test_special_files_are_refused_at_once(site: Site) -> None:
    os.mkfifo(site.files / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(site.files)  # the address of a socket is short
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
        for name in ("pipe", "socket"):
            for tool in ("readFile", "editFile", "writeFile"):
                (arguments,) = [it for named, it in every_tool(name)[:3] if named == tool]
                assert "special file" in await site.refused(tool, **arguments)


@pytest.mark.parametrize("tool", ["readFile", "editFile", "multiEdit", "writeFile"])
async def test_a_file_of_one_gigabyte_is_refused_unread(site: Site, tool: str) -> None:
    with (site.files / "huge.bin").open("wb") as file:
        file.truncate(1024**3)
    (arguments,) = [it for named, it in every_tool("huge.bin") if named == tool]
    tracemalloc.start()
    try:
        text = await site.refused(tool, **arguments)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "huge.bin has 1,073,741,824 bytes; the limit is 10,485,760" in text
    assert peak_bytes < 10_000_000


async def test_a_patch_for_a_file_of_one_gigabyte_is_refused_unread(site: Site) -> None:
    with (site.files / "huge.bin").open("wb") as file:
        file.truncate(1024**3)
    text = "*** Begin Patch\n*** Update File: huge.bin\n@@\n-a\n+b\n*** End Patch"
    assert "the limit is 10,485,760" in await site.refused("applyPatch", patch=text)


@pytest.mark.timeout(60)
async def test_lines_of_a_megabyte_are_cut_and_edited(site: Site) -> None:
    line = "ab\u00e9\u201c" * 250_000
    (site.files / "long.min.js").write_text(f"x = 'y'\n{line}e\u0301\n")
    output = await site.call("readFile", path="long.min.js")
    assert "[... line cut: 1,000,002 characters]" in output.text
    assert len(output.text) < 20_000
    text = await site.refused(
        "editFile", path="long.min.js", oldString="nothing like it", newString=""
    )
    assert "Nothing in the file is like it" in text or "nearest lines" in text
    output = await site.call("editFile", path="long.min.js", oldString='x = "y" ', newString="z")
    assert output.is_error
    output = await site.call(
        "editFile", path="long.min.js", oldString="b\u00e9\u201c\u00e9\n", newString="z"
    )
    assert not output.is_error
    output = await site.call(
        "applyPatch",
        patch="*** Begin Patch\n*** Update File: long.min.js\n@@\n-x = 'y'\n+z\n*** End Patch",
    )
    assert output.text.startswith("Successfully applied")


@pytest.mark.timeout(60)
async def test_a_letter_of_a_million_marks_does_not_stop_an_edit(site: Site) -> None:
    (site.files / "a.txt").write_text("a" + "\u0301\u0316" * 500_000 + "b\n\u201cx\u201d\n")
    output = await site.call("editFile", path="a.txt", oldString='"x"', newString="y")
    assert not output.is_error
    output = await site.call("editFile", path="a.txt", oldString='b\n"x"', newString="y")
    assert not output.is_error
    path = "a" + "\u0301\u0316" * 500_000
    text = await site.refused(
        "applyPatch", patch=f"*** Begin Patch\n*** Delete File: {path}\n*** End Patch"
    )
    assert "is longer than 1024 characters" in text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\0" * 100, "binary file"),
        ("text".encode("utf-16"), "binary file"),
        ("text".encode("utf-16-be"), "binary file"),
        ("text".encode("utf-32"), "binary file"),
        ("na\u00efve".encode("latin-1"), "file that is not UTF-8 text"),
        (b"\xc0\xafetc", "file that is not UTF-8 text"),  # an overlong slash
        (b"\xed\xa0\x80", "file that is not UTF-8 text"),  # half of a character
        (b"PK\x03\x04\0\0", "ZIP archive"),
        (b"\x7fELF\0", "ELF program"),
    ],
)
async def test_what_is_not_text_is_named_and_never_rewritten(
    site: Site, data: bytes, words: str
) -> None:
    (site.files / "data.bin").write_bytes(data)
    one = {"path": "data.bin", "oldString": "t", "newString": "x"}
    patch = "*** Begin Patch\n*** Update File: data.bin\n@@\n-t\n+x\n*** End Patch"
    assert words in await site.refused("readFile", path="data.bin")
    assert words in await site.refused("editFile", **one)
    assert words in await site.refused("multiEdit", edits=[one])
    assert words in await site.refused("applyPatch", patch=patch)
    assert "you have not read it" in await site.refused("writeFile", path="data.bin", content="")


LIES = [
    ("a file that is not there", "*** Update File: src/none.ts\n@@\n-x\n+y", "File not found"),
    ("lines that are not there", "*** Update File: src/app.ts\n@@\n-x\n+y", "does not fit"),
    ("a deleted file that is not there", "*** Delete File: none.ts", "File not found"),
    ("a file added where one stands", "*** Add File: src/app.ts\n+x", "you have not read it"),
    ("a file added below a file", "*** Add File: src/app.ts/x\n+x", "is a file, not a folder"),
    (
        "a move onto itself",
        "*** Update File: src/app.ts\n*** Move to: src/app.ts",
        "exists already",
    ),
    ("a move to another case", "*** Add File: SRC/x.ts\n+x", "only in case"),
    ("headers in a hunk", "*** Update File: src/app.ts\n@@\n*** Delete File: x", "no lines"),
    (
        "a delete that comes before",
        "*** Delete File: src/app.ts\n*** Update File: src/app.ts\n@@\n-const a = 1;",
        "File not found",
    ),
    (
        "one line changed twice",
        "*** Update File: src/app.ts\n@@\n-const a = 1;\n+b\n@@\n-const a = 1;\n+c",
        "hunks stand in the order of the file",
    ),
    (
        "two files, one bad",
        "*** Add File: good.ts\n+x\n*** Update File: src/app.ts\n@@\n-bad",
        "no file was changed",
    ),
    ("line numbers", "*** Update File: src/app.ts\n@@ -99,3 +99,3 @@\n-const b", "does not fit"),
    ("101 files", "\n".join(f"*** Add File: f{n}\n+x" for n in range(101)), "more than 100 files"),
    (
        "a thousand hunks and one",
        "*** Update File: src/app.ts\n" + "@@\n+x\n" * 1_001,
        "more than 1,000 hunks",
    ),
]


@pytest.mark.parametrize(("body", "words"), [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES])
async def test_a_patch_that_lies_changes_nothing(site: Site, body: str, words: str) -> None:
    patch = f"*** Begin Patch\n{body}\n*** End Patch"
    assert words in await site.refused("applyPatch", patch=patch)


@pytest.mark.timeout(60)
async def test_hunks_that_make_the_search_long_are_stopped(site: Site) -> None:
    (site.files / "a.txt").write_text("b \n" * 1_000 + "a\n" * 2_000_000)
    hunks = "@@\n-b\n+c\n" * 1_000
    patch = f"*** Begin Patch\n*** Update File: a.txt\n{hunks}*** End Patch"
    text = await site.refused("applyPatch", patch=patch)
    assert "too many hunks for a file of its size" in text


@pytest.mark.timeout(60)
async def test_ten_thousand_edits_are_refused_and_a_hundred_made(site: Site) -> None:
    one = {"path": "n.txt", "oldString": "x", "newString": "y", "replaceAll": True}
    assert "at most 100 items" in await site.refused("multiEdit", edits=[one] * 10_000)
    (site.files / "n.txt").write_text("".join(f"<{n}>\n" for n in range(100_000)))
    edits = [{"path": "n.txt", "oldString": f"<{n}>", "newString": f"<<{n}>>"} for n in range(100)]
    output = await site.call("multiEdit", edits=edits)
    assert output.text == "Successfully made 100 edits in n.txt"
    assert len(self_edits := site.last.edits) == 1, self_edits


async def test_edits_that_overlap_are_made_one_after_the_other_or_not_at_all(site: Site) -> None:
    def edit(old: str, new: str) -> dict[str, str]:
        return {"path": "src/app.ts", "oldString": old, "newString": new}

    overlapping = [edit("const a", "let a"), edit("const a = 1", "x")]
    assert "Edit 2 of 2" in await site.refused("multiEdit", edits=overlapping)
    output = await site.call("multiEdit", edits=[edit("const a", "let a"), edit("let a = 1", "x")])
    assert not output.is_error


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("a", "x" * 1_000_000, "bytes after this edit; the limit is 10,485,760"),
        ("a", "b", "occurs more than 100,000 times"),
        ("b", "c", "does not occur"),
    ],
)
async def test_a_huge_replacement_is_refused_before_it_is_built(
    site: Site, old: str, new: str, words: str
) -> None:
    count = 90_000 if len(new) > 1 else 9_000_000
    (site.files / "a.txt").write_text("a" * count)
    one = {"path": "a.txt", "oldString": old, "newString": new, "replaceAll": True}
    tracemalloc.start()
    try:
        assert words in await site.refused("editFile", **one)
        assert words in await site.refused("multiEdit", edits=[one])
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 150 * 1024 * 1024


async def test_texts_that_are_too_long_are_refused_by_their_bounds(site: Site) -> None:
    long = "x" * 2_000_001
    for tool, arguments, field in [
        ("writeFile", {"path": "a", "content": long}, "content"),
        ("editFile", {"path": "a", "oldString": long, "newString": ""}, "oldString"),
        ("applyPatch", {"patch": long}, "patch"),
        ("createFolder", {"path": "x" * 2_000}, "path"),
        ("undo", {"paths": ["x" * 2_000]}, "paths"),
        ("undo", {"paths": ["x"] * 51}, "paths"),
    ]:
        text = await site.refused(tool, **arguments)
        assert field in text
        assert "at most" in text


@pytest.mark.timeout(60)
async def test_a_project_of_a_hundred_thousand_files_has_a_short_structure() -> None:
    files: dict[str, str | bytes] = {
        f"d{folder}/f{file}": "" for folder in range(50) for file in range(2_000)
    }
    place = Place(MemoryWorkspace(files))
    output = await TOOLBOX.run("getProjectStructure", {}, place)
    assert len(output.text) < 11_000
    assert "[1,900 more files]" in output.text
    assert "d49/ (2,000 files, not listed)" in output.text
    assert "The tree is cut to fit." in output.text


async def test_rules_that_ignore_everything_or_are_hostile_do_no_harm(site: Site) -> None:
    for rules in ("*\n", "**/**/**/**/**/**/**/a\n" * 50, "[\n\\\n!\n", "\xff\xfe"):
        (site.files / ".gitignore").write_bytes(rules.encode("latin-1"))
        output = await site.call("getProjectStructure")
        assert not output.is_error
        assert "defect" not in output.text
