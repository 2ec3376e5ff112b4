"""Bundled code is kept between starts, and taken only when all that went into it is the same."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from embedded_convex.process import EmbeddedConvex
from tests.embedded_convex.api import Api

pytestmark = pytest.mark.timeout(120)

FUNCTION = """
import { queryGeneric as query } from "convex/server";
import { answer } from "../lib/answer";
import { mapped } from "#mapped";
import { own } from "./model/own";
export const get = query({ handler: async () => `${answer} ${own} ${mapped}` });
export const later = query({ handler: async () => (await import("./model/late")).late });
"""


class Project:
    """A folder of functions that imports from beside itself, and where its code is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept = folder / "kept"
        self.write("convex/value.ts", FUNCTION)
        self.write("convex/model/own.ts", 'export const own = "own";')
        self.write("convex/model/late.ts", 'export const late = "late";')
        self.write("lib/answer/index.ts", 'export const answer = "first";')
        self.write("lib/mapped.ts", 'export const mapped = "here";')
        self.map_to("./lib/mapped.ts")
        self._starts = 0

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def map_to(self, file: str) -> None:
        self.write("package.json", json.dumps({"imports": {"#mapped": file}}))

    async def said(self, path: str = "value:get") -> object:
        """Start on a data file of its own, ask, stop."""
        self._starts += 1
        data = self.folder / f"data-{self._starts}.sqlite"
        async with (
            EmbeddedConvex(
                self.folder / "convex", data, admin_key="", env={}, cache=self.kept
            ) as convex,
            aiohttp.ClientSession() as http,
        ):
            return await Api(convex.url, http).query(path)

    def code(self) -> list[Path]:
        """The files of the code that is kept; they are the same ones while it is not built anew."""
        # Beside what Node keeps of its own in `compiled`; a folder of ours has a hash for a name.
        found = self.kept.glob("*/*/*/**/*.mjs")
        return sorted(file for file in found if "compiled" not in file.parts)

    def stamps(self) -> list[tuple[int, int]]:
        return [(file.stat().st_ino, file.stat().st_mtime_ns) for file in self.code()]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


async def test_the_next_start_takes_what_was_kept(project: Project) -> None:
    assert await project.said() == "first own here"
    before = project.stamps()
    assert before
    assert await project.said("value:later") == "late"  # a chunk that is imported when it is used
    assert project.stamps() == before


CHANGES: dict[str, tuple[Callable[[Project], None], str]] = {
    "a function": (
        lambda p: p.write("convex/value.ts", FUNCTION.replace("${answer} ", "new ")),
        "new own here",
    ),
    "a file of the folder": (
        lambda p: p.write("convex/model/own.ts", 'export const own = "other";'),
        "first other here",
    ),
    "a file beside the folder": (
        lambda p: p.write("lib/answer/index.ts", 'export const answer = "second";'),
        "second own here",
    ),
    "a file in whose place another was read": (
        lambda p: p.write("lib/answer.ts", 'export const answer = "nearer";'),
        "nearer own here",
    ),
    "the resolution of imports": (
        lambda p: (
            p.write("elsewhere/mapped.ts", 'export const mapped = "there";'),
            p.map_to("./elsewhere/mapped.ts"),
        )[0],
        "first own there",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_was_kept_is_left_when_something_has_changed(
    project: Project, change: str
) -> None:
    assert await project.said() == "first own here"
    make, after = CHANGES[change]
    make(project)
    assert await project.said() == after


def garble(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"first", b"worse"))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


@pytest.mark.parametrize("spoil", [garble, cut, Path.unlink])
async def test_kept_code_that_is_not_what_was_written_is_bundled_anew(
    project: Project, spoil: Callable[[Path], None]
) -> None:
    assert await project.said() == "first own here"
    for file in project.code():
        spoil(file)
    assert await project.said() == "first own here"
    before = project.stamps()
    assert await project.said() == "first own here"
    assert project.stamps() == before  # what was built anew is kept again


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"bundler": 1, "read": 2}'])
async def test_a_record_that_is_none_is_written_anew(project: Project, text: str) -> None:
    assert await project.said() == "first own here"
    [record] = project.kept.glob("*/kept.json")
    record.write_text(text)
    assert await project.said() == "first own here"
    assert json.loads(record.read_text())["modules"]


async def test_a_record_of_another_version_is_left(project: Project) -> None:
    assert await project.said() == "first own here"
    [record] = project.kept.glob("*/kept.json")
    old = json.loads(record.read_text()) | {"bundler": "of another version", "modules": []}
    record.write_text(json.dumps(old))
    assert await project.said() == "first own here"


async def test_where_nothing_can_be_kept_it_is_served_all_the_same(project: Project) -> None:
    project.kept.write_text("a file where the folder should be")
    assert await project.said() == "first own here"


async def test_processes_that_start_at_once_do_not_disturb_each_other(project: Project) -> None:
    assert await asyncio.gather(*(project.said() for _ in range(3))) == ["first own here"] * 3
    before = project.stamps()
    assert await project.said() == "first own here"
    assert project.stamps() == before
    assert [path.name for path in project.kept.glob("*/draft-*")] == []
