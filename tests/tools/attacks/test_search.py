"""What a search is asked, or finds, that would hurt a careless one; each with its words."""

import asyncio
import os
from pathlib import Path
from time import monotonic
from typing import Any

import psutil
import pytest

from tests.tools.search.project import Project
from tools.search.programs import RIPGREP, run_program

A_SECRET = "top secret: 4711"  # noqa: S105 - what must not be found

PATTERNS: list[tuple[str, dict[str, Any], str]] = [
    ("nested repetition", {"pattern": "(a+)+$"}, "Found 1 match(es):\nas.txt:1:1 - aaaa"),
    ("nested alternatives", {"pattern": "(a|a)*b"}, "No matches found"),
    ("repetition of repetition", {"pattern": "(.*)*q{200}"}, "No matches found"),
    ("many wildcards", {"pattern": ".*a.*a.*a.*a.*a.*a.*a.*=.*z"}, "No matches found"),
    ("huge counts", {"pattern": "(a{1000}){1000}"}, "exceeds size limit"),
    ("huge classes", {"pattern": r"(\w{100}\d{100}){9}"}, "No matches found"),
    ("backreference", {"pattern": r"(a*)\1"}, "backreferences are not supported"),
    ("dash", {"pattern": "-e"}, "No matches found"),
    ("option", {"pattern": "--files"}, "No matches found"),
    ("program as option", {"pattern": "--pre=/bin/sh"}, "No matches found"),
    ("NUL", {"pattern": "a\0b"}, "The pattern holds a NUL"),
    ("line break", {"pattern": "a\nb"}, "The pattern holds a line break"),
    ("empty", {"pattern": ""}, "pattern"),
    ("too long", {"pattern": "a" * 1_001}, "pattern"),
    ("half a character", {"pattern": "a\ud800"}, "pattern"),
    ("flags", {"pattern": "(?s-u)."}, "Found"),
    ("turns unicode off", {"pattern": r"(?-u)\xff"}, "match"),
    (
        "only an option in the glob",
        {"pattern": "a", "filePattern": "--pre=sh"},
        "No files matching",
    ),
    ("glob leaves", {"pattern": "root", "filePattern": "../**"}, "leaves the project"),
    ("absolute glob", {"pattern": "root", "filePattern": "/etc/passwd"}, "No files matching"),
    ("home", {"pattern": "root", "filePattern": "~/**"}, "No files matching"),
    ("glob of .git", {"pattern": "secret", "filePattern": ".git/**"}, "No files matching"),
    ("glob of .GIT", {"pattern": "secret", "filePattern": ".GIT/**"}, "No files matching"),
    ("glob of a deep .git", {"pattern": "secret", "filePattern": "**/.git/*"}, "No files matching"),
    ("glob of .polaris", {"pattern": "secret", "filePattern": ".polaris"}, "No files matching"),
    ("NUL in the glob", {"pattern": "a", "filePattern": "a\0"}, "control character"),
    ("braces without end", {"pattern": "a", "filePattern": "{a,b}" * 60}, "more than 50 patterns"),
    ("open brackets", {"pattern": "a", "filePattern": "[" * 300}, "No files matching"),
    ("open braces", {"pattern": "a", "filePattern": "{" * 300}, "No files matching"),
    ("stars", {"pattern": "a", "filePattern": "*a" * 180 + "b"}, "No files matching"),
    ("double stars", {"pattern": "a", "filePattern": "**/a/" * 70 + "b"}, "No files matching"),
    ("through a link", {"pattern": "secret", "filePattern": "link/**"}, "No files matching"),
    ("at a link", {"pattern": "secret", "filePattern": "secret.txt"}, "No files matching"),
    ("all of it", {"pattern": "top secret"}, 'No matches found for pattern "top secret".'),
    ("in a hard link to UTF-16", {"pattern": "wide ä"}, "wide.txt:1:1 - wide ä"),
    ("in binary files", {"pattern": "inside"}, 'No matches found for pattern "inside".'),
    ("in a line of 1 MB", {"pattern": "needle"}, "long.txt:1:1000001 - …xxx"),
    ("in Latin-1", {"pattern": "caf"}, "latin.txt:1:1 - caf\ufffd"),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("attacked")
    outside = folder / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text(A_SECRET)
    project = Project(
        folder / "files",
        {
            "as.txt": "a" * 40 + "\n",
            "deep/" + "/".join("a" * 60) + "/a.txt": "deep\n",
            "a" * 200 + ".txt": "name\n",
            ".git/config": A_SECRET,
            "sub/.GIT/config": A_SECRET,
            ".polaris/notes": A_SECRET,
            ".polaris-tmp-1": A_SECRET,
            "wide.txt": "wide ä\nmore\n".encode("utf-16"),
            "picture.png": b"\x89PNG\r\n\x1a\n inside \0\0",
            "late.bin": b"inside\n" * 20_000 + b"\0" * 10,
            "long.txt": "x" * 1_000_000 + "needle" + "y" * 1_000_000,
            "latin.txt": b"caf\xe9\n",
        },
    )
    (project.folder / "link").symlink_to(outside)
    (project.folder / "secret.txt").symlink_to(outside / "secret.txt")
    (project.folder / "loop").symlink_to(project.folder)
    (project.folder / "nowhere.txt").symlink_to("gone")
    os.mkfifo(project.folder / "pipe.txt")
    with Path(os.fsdecode(os.fsencode(project.folder) + b"/bad\xff.txt")).open("w") as file:
        file.write("a badly named file, top secret")
    return project


@pytest.mark.parametrize(
    ("arguments", "told"), [case[1:] for case in PATTERNS], ids=[case[0] for case in PATTERNS]
)
async def test_a_pattern_is_answered_in_words(
    project: Project, arguments: dict[str, Any], told: str
) -> None:
    began = monotonic()
    output = await project.run("searchFiles", **arguments)
    assert told in output.text
    assert "4711" not in output.text
    assert "Traceback" not in output.text
    assert len(output.text) < 20_000
    assert monotonic() - began < 15


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("../*", "leaves the project"),
        ("/etc/*", "No files matching"),
        (".git/*", "No files matching"),
        ("**/.GIT/**", "No files matching"),
        (".polaris*", "No files matching"),
        ("link/*", "No files matching"),
        ("secret.txt", "No files matching"),
        ("loop/as.txt", "No files matching"),
        ("bad*", "No files matching"),
        ("-", "No files matching"),
        ("--files", "No files matching"),
        ("!", "Found"),
        (",,,", "Found"),
        ("//", "Found"),
        ("\\", "No files matching"),
        ("[z-a]", "No files matching"),
        ("*" * 400, "Found"),
        ("?" * 400, "No files matching"),
        ("*a" * 199 + "*", "Found 1 file(s)"),
        ("a\x07", "control character"),
        ("{" + "," * 200 + "}", "more than 50 patterns"),
    ],
)
async def test_a_glob_is_answered_in_words(project: Project, pattern: str, told: str) -> None:
    began = monotonic()
    output = await project.run("findFilesByPattern", pattern=pattern)
    assert told in output.text
    for never in ("secret", "config", "notes", "tmp-1", "bad\ufffd", "link", "loop/"):
        assert never not in output.text.partition("\n")[2]
    assert monotonic() - began < 15


CODE: list[tuple[str, dict[str, Any], str]] = [
    ("option as a term", {"searchTerm": "--config=/etc/passwd"}, "No code patterns found"),
    ("option as a pattern", {"pattern": "--help"}, "No code looks like"),
    ("regex as a term", {"searchTerm": "(a+)+$"}, "No code patterns found"),
    ("NUL as a term", {"searchTerm": "a\0"}, "A NUL is in no code"),
    ("NUL as a pattern", {"pattern": "f(\0)"}, "A NUL is in no code"),
    ("wild pattern", {"pattern": "$A"}, "match(es)"),
    ("open pattern", {"pattern": "((((("}, "is no code that stands alone"),
    ("deep pattern", {"pattern": "(" * 490 + "a" + ")" * 490}, "No code looks like"),
    ("a rule of ast-grep", {"searchTerm": '"}}\n---\n{"id": "x"'}, "No code patterns found"),
    ("leaves", {"patternType": "call", "filePattern": "../**"}, "leaves the project"),
    ("a link", {"patternType": "call", "filePattern": "link.py"}, "No calls found."),
    ("deep nesting", {"patternType": "call", "filePattern": "nested.js"}, "call(s)"),
    ("one long line", {"patternType": "call", "filePattern": "minified.js"}, "not looked at: min"),
    ("many wide lines", {"patternType": "call", "filePattern": "wide.js"}, "There is more than"),
    ("not text", {"patternType": "call", "filePattern": "binary.py"}, "calls found."),
    ("UTF-16", {"patternType": "call", "filePattern": "wide.py"}, "calls found."),
    ("broken code", {"patternType": "function", "filePattern": "broken.ts"}, "[function] whole"),
    (
        "a name like an option",
        {"patternType": "call", "filePattern": "*.jsx"},
        "[call] f - -l.jsx:1",
    ),
    ("unknown kind", {"patternType": "goto"}, "patternType"),
]


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("code")
    (folder / "secret.py").write_text("secret_4711()\n")
    project = Project(
        folder / "files",
        {
            "sgconfig.yml": "customLanguages: {x: {libraryPath: ./evil.so, extensions: [py]}}\n[",
            "evil.so": b"\x7fELF",
            "own.py": "call(1)\n",
            "nested.js": "f(\n" * 5_000 + ")\n" * 5_000,
            "minified.js": "g(1);" * 40_000,
            "wide.js": ("w();" * 900 + "\n") * 250,
            "binary.py": b"h(1)\0\0\xff" * 100,
            "wide.py": "wide(1)\n".encode("utf-16"),
            "broken.ts": "function whole() {}\nfunction ( {{{ class =>\n",
            "-l.jsx": "f(1)\n",
        },
    )
    (project.folder / "link.py").symlink_to(folder / "secret.py")
    return project


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    ("arguments", "told"), [case[1:] for case in CODE], ids=[case[0] for case in CODE]
)
async def test_a_search_of_code_is_answered_in_words(
    code: Project, arguments: dict[str, Any], told: str
) -> None:
    output = await code.run("searchCodebase", **arguments)
    assert told in output.text
    assert "4711" not in output.text
    assert "Traceback" not in output.text
    assert len(output.text) < 20_000


async def test_a_file_that_becomes_a_link_meanwhile_is_not_shown(project: Project) -> None:
    """The count comes from the disk; what is shown is read through the workspace."""
    project.write("race.txt", "top race\n")
    assert "race.txt:1:1" in await project.ok("searchFiles", pattern="top race")
    (project.folder / "race.txt").unlink()
    (project.folder / "race.txt").symlink_to(project.folder.parent / "outside" / "secret.txt")
    try:
        assert "4711" not in await project.ok("searchFiles", pattern="top")
    finally:
        (project.folder / "race.txt").unlink()


@pytest.mark.timeout(120)
@pytest.mark.thorough
async def test_a_hundred_thousand_files_are_searched_and_listed(tmp_path: Path) -> None:
    project = Project(tmp_path, {})
    for folder in range(100):
        below = tmp_path / str(folder)
        below.mkdir()
        for number in range(1_000):
            (below / f"{number}.txt").write_text("foo\n" if number == 7 else "")
    found = await project.ok("findFilesByPattern", pattern="**/{7,8}*.txt")
    assert found.startswith('Found 22200 file(s) matching "**/{7,8}*.txt":\n0/7.txt\n')
    assert len(found) < 5_000
    searched = await project.ok("searchFiles", pattern="foo", filePattern="*.txt")
    assert searched.startswith("Found 100 match(es) (showing first 50):\n0/7.txt:1:1 - foo\n")


async def test_a_cancelled_search_leaves_no_process(tmp_path: Path) -> None:
    """A program that would run for ever is dead when the cancel has passed."""
    waiting = tmp_path / "pipe"
    os.mkfifo(waiting)
    async with asyncio.TaskGroup() as tasks:
        searching = tasks.create_task(
            run_program(RIPGREP, ["--no-config", "foo", str(waiting)], folder=tmp_path)
        )
        children: list[psutil.Process] = []
        while not children:
            await asyncio.sleep(0.01)
            children = [
                child for child in psutil.Process().children() if _is_given(child, str(waiting))
            ]
        searching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await searching
        assert not any(child.is_running() for child in children)


def _is_given(child: psutil.Process, argument: str) -> bool:
    try:
        return argument in child.cmdline()
    except psutil.Error:
        return False
