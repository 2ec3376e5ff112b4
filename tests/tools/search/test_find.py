from pathlib import Path

from tests.tools.search.project import Project
from tools.place import Place
from tools.registry import Toolbox
from tools.search import SEARCH_TOOLS
from tools.search.find import MAX_SHOWN
from tools.workspace.memory import MemoryWorkspace

FILES: dict[str, str | bytes] = {
    ".gitignore": "dist/\n*.log\n!kept.log\n",
    "src/a.ts": "",
    "src/b.ts": "",
    "src/deep/.gitignore": "made.ts\n",
    "src/deep/made.ts": "",
    "src/deep/own.ts": "",
    "made.ts": "",
    "dist/c.ts": "",
    "x.log": "",
    "kept.log": "",
    "node_modules/p/d.ts": "",
    ".git/e.ts": "",
    "src/.polaris/f.ts": "",
    ".github/g.ts": "",
}

LISTED = [".github/g.ts", "made.ts", "src/a.ts", "src/b.ts", "src/deep/own.ts"]


async def test_what_is_ignored_generated_or_reserved_is_left_out(tmp_path: Path) -> None:
    project = Project(tmp_path, FILES)
    text = await project.ok("findFilesByPattern", pattern="*.ts")
    assert text.splitlines() == ['Found 5 file(s) matching "*.ts":', *LISTED]
    assert await project.ok("findFilesByPattern", pattern="*.log") == (
        'Found 1 file(s) matching "*.log":\nkept.log'
    )


async def test_a_project_in_memory_is_told_the_same() -> None:
    place = Place(MemoryWorkspace(FILES))
    output = await Toolbox(SEARCH_TOOLS).run("findFilesByPattern", {"pattern": "*.ts"}, place)
    assert output.text.splitlines()[1:] == LISTED


async def test_a_folder_stands_for_all_that_is_in_it(tmp_path: Path) -> None:
    project = Project(tmp_path, FILES)
    text = await project.ok("findFilesByPattern", pattern="src/deep")
    assert text.splitlines()[1:] == ["src/deep/.gitignore", "src/deep/own.ts"]


async def test_nothing_found_says_how_to_look_in_every_folder(tmp_path: Path) -> None:
    project = Project(tmp_path, FILES)
    assert await project.ok("findFilesByPattern", pattern="*.py") == (
        'No files matching pattern "*.py" found.'
    )
    text = await project.ok("findFilesByPattern", pattern="deep/*.ts")
    assert "**/ before it" in text


async def test_a_long_list_is_cut_and_counted(tmp_path: Path) -> None:
    project = Project(tmp_path, {f"{number:04}.txt": "" for number in range(MAX_SHOWN + 7)})
    lines = (await project.ok("findFilesByPattern", pattern="*.txt")).splitlines()
    assert lines[0] == f'Found {MAX_SHOWN + 7} file(s) matching "*.txt":'
    assert lines[1] == "0000.txt"
    assert lines[MAX_SHOWN + 1] == "[7 more are not shown; ask with a narrower glob.]"
