from pathlib import Path

import pytest

from tests.tools.search.project import Project
from tools.place import Place
from tools.registry import Toolbox
from tools.search import SEARCH_TOOLS
from tools.workspace.memory import MemoryWorkspace

FILES: dict[str, str | bytes] = {
    "src/app.ts": "import { add } from './math';\n\nconst sum = add(1, 2);\nlog(sum);\n",
    "src/math.ts": "export function add(a, b) {\n  return a + b;\n}\n",
    "README.md": "# Adding\r\nCalls add().\r\n",
    "notes.txt": b"\xef\xbb\xbfadd\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, FILES)


async def test_lines_that_match_with_their_places(project: Project) -> None:
    assert await project.ok("searchFiles", pattern=r"\badd\b", filePattern="src/**") == (
        "Found 3 match(es):\n"
        "src/app.ts:1:10 - import { add } from './math';\n"
        "src/app.ts:3:13 - const sum = add(1, 2);\n"
        "src/math.ts:1:17 - export function add(a, b) {"
    )


async def test_case_counts_only_when_it_is_asked_for(project: Project) -> None:
    assert "README.md:1:3" in await project.ok("searchFiles", pattern="ADD")
    assert await project.ok("searchFiles", pattern="Add", caseSensitive=True) == (
        "Found 1 match(es):\nREADME.md:1:3 - # Adding"
    )


async def test_context_keeps_its_indentation_and_is_not_told_twice(project: Project) -> None:
    text = await project.ok(
        "searchFiles", pattern="add|return", filePattern="src/*", contextLines=1
    )
    assert text.splitlines()[1:] == [
        "src/app.ts:1:10 - import { add } from './math';",
        "src/app.ts-2- ",
        "src/app.ts:3:13 - const sum = add(1, 2);",
        "src/app.ts-4- log(sum);",
        "--",
        "src/math.ts:1:17 - export function add(a, b) {",
        "src/math.ts:2:3 -   return a + b;",
        "src/math.ts-3- }",
    ]


async def test_line_ends_and_byte_order_marks_are_no_part_of_a_line(project: Project) -> None:
    assert "README.md:2:12 - Calls add()." in await project.ok("searchFiles", pattern=r"\.$")
    assert "notes.txt:1:1 - add" in await project.ok("searchFiles", pattern="^add$")


async def test_columns_count_characters(tmp_path: Path) -> None:
    project = Project(tmp_path, {"a.txt": "äöü😀 foo\n"})
    assert "a.txt:1:6 - äöü😀 foo" in await project.ok("searchFiles", pattern="foo")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("add(", "unclosed group"),
        ("(?=add)", "look-around, including look-ahead and look-behind, is not supported"),
        (r"(a)\1", "backreferences are not supported"),
        ("a{1000}{1000}{1000}", "compiled regex exceeds size limit"),
        (r"add\n", 'the literal "\\n" is not allowed in a regex'),
    ],
)
async def test_what_is_no_regular_expression_is_searched_as_text(
    project: Project, pattern: str, why: str
) -> None:
    text = await project.ok("searchFiles", pattern=pattern)
    assert "it was searched as plain text.]" in text
    assert why in text
    if pattern == "add(":
        assert text.startswith("Found 3 match(es):\nREADME.md:2:7 - Calls add().\n")


async def test_fifty_lines_of_many_are_shown(tmp_path: Path) -> None:
    project = Project(tmp_path, {f"{name}.txt": "foo\n" * 40 for name in "abc"})
    lines = (await project.ok("searchFiles", pattern="foo")).splitlines()
    assert lines[0] == "Found 120 match(es) (showing first 50):"
    assert lines[1] == "a.txt:1:1 - foo"
    assert lines[50] == "b.txt:10:1 - foo"
    assert len(lines) == 51


async def test_nothing_found_says_whether_there_were_files(project: Project) -> None:
    assert await project.ok("searchFiles", pattern="zzz") == ('No matches found for pattern "zzz".')
    assert await project.ok("searchFiles", pattern="zzz", filePattern="*.md") == (
        'No matches found for pattern "zzz" in files matching "*.md".'
    )
    assert await project.ok("searchFiles", pattern="add", filePattern="*.py") == (
        'No files matching pattern "*.py" found.'
    )


async def test_a_glob_does_not_bring_back_what_is_ignored(project: Project) -> None:
    project.write(".gitignore", "made.ts\n!app.ts\n")
    project.write("made.ts", "add\n")
    text = await project.ok("searchFiles", pattern="add", filePattern="{made,math}.ts")
    assert text.splitlines()[1:] == ["src/math.ts:1:17 - export function add(a, b) {"]


async def test_a_project_in_memory_is_searched_the_same_way(project: Project) -> None:
    toolbox = Toolbox(SEARCH_TOOLS)
    for arguments in (
        {"pattern": "add"},
        {"pattern": "ADD(", "filePattern": "*.ts", "contextLines": 1},
        {"pattern": "zzz", "filePattern": "*.md"},
    ):
        there = await toolbox.run("searchFiles", arguments, Place(MemoryWorkspace(FILES)))
        assert there == await project.run("searchFiles", **arguments)
