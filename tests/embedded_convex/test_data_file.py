import asyncio
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from embedded_convex.process import ConvexNotRunning
from tests.embedded_convex.api import ADMIN_KEY, FIXTURES, serving

pytestmark = pytest.mark.timeout(30)

SCHEMA = """
import {{ defineSchema, defineTable }} from "convex/server";
import {{ v }} from "convex/values";
export default defineSchema({{ rows: defineTable({{ {fields} }}){index} }});
"""
FUNCTIONS = """
import { mutationGeneric as mutation, queryGeneric as query } from "convex/server";
export const add = mutation({ handler: async (ctx, row) => ctx.db.insert("rows", row) });
export const all = query({ handler: async (ctx) => (await ctx.db.query("rows").collect()).length });
export const big = query({
  handler: async (ctx) =>
    (await ctx.db.query("rows").withIndex("by_size", (q) => q.gt("size", 7)).collect())
      .map(({ size }) => size),
});
"""


def write_folder(folder: Path, *, fields: str = "size: v.number()", index: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "schema.ts").write_text(SCHEMA.format(fields=fields, index=index))
    (folder / "rows.js").write_text(FUNCTIONS)
    return folder


async def test_an_acknowledged_mutation_survives_kill_9(tmp_path: Path) -> None:
    data = tmp_path / "data.sqlite"
    for round_ in range(3):
        async with serving("basic", data) as (convex, api):
            before = await api.query("notes:ranked", list="kept", limit=1000)
            assert len(before) == round_ * 100
            for rank in range(100):
                await api.mutation("notes:add", list="kept", rank=rank, text="kept")
            os.kill(convex.pid, signal.SIGKILL)
            assert await convex.wait() == -signal.SIGKILL


async def test_a_second_process_on_one_file_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data.sqlite"
    async with serving("basic", data) as (_, api):
        with pytest.raises(ConvexNotRunning, match="in use by another process"):
            async with serving("basic", data):
                pass
        assert await api.query("notes:echo", value=1) == 1


async def test_a_start_waits_for_a_process_that_is_still_ending(tmp_path: Path) -> None:
    data = tmp_path / "data.sqlite"
    async with asyncio.TaskGroup() as tasks, serving("basic", data) as (ending, api):
        admin = f"Convex {ADMIN_KEY}"
        slow = partial(api.action, "jobs:slow", admin, name="slow", waitMs=3000)
        tasks.create_task(slow())
        assert await api.until(lambda ran: "slow started" in ran, "jobs:ran")
        os.kill(ending.pid, signal.SIGTERM)  # it lets the action end before it leaves the file
        async with serving("basic", data) as (_, next_api):
            assert "slow ended" in await next_api.query("jobs:ran")
        assert await ending.wait() == 0


async def test_a_file_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data.sqlite"
    data.write_bytes(b"something else, much longer than a header of SQLite would be" * 20)
    before = data.read_bytes()
    with pytest.raises(ConvexNotRunning, match="cannot be opened"):
        async with serving("basic", data):
            pass
    assert data.read_bytes() == before


async def refusal(folder: str | Path, data: Path) -> str:
    """How the start is refused: one line, whatever is wrong with the file."""
    with pytest.raises(ConvexNotRunning) as refused:
        async with serving(folder, data):
            pass
    text = str(refused.value)
    assert "\n" not in text
    assert str(data) in text
    assert "exit code 1" in text
    return text


@pytest.fixture
async def filled(tmp_path: Path) -> Path:
    """A file of 100 documents, closed."""
    data = tmp_path / "data.sqlite"
    async with serving("basic", data) as (_, api):
        for rank in range(100):
            await api.mutation("notes:add", list="a", rank=rank, text="x" * 2000)
    return data


PAGE = 4096


def spoil_pages(data: Path) -> None:
    """All but the first."""
    with data.open("r+b") as file:
        file.seek(PAGE)
        file.write(b"\xff" * (data.stat().st_size - PAGE))


async def test_a_file_with_spoiled_pages_is_refused_in_one_line(filled: Path) -> None:
    spoil_pages(filled)
    assert "malformed" in await refusal("basic", filled)


async def test_a_file_that_was_cut_off_is_refused_in_one_line(filled: Path) -> None:
    os.truncate(filled, 3 * PAGE)
    assert "malformed" in await refusal("basic", filled)


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE docs SET body = substr(body, 1, 20)",
        "UPDATE docs SET body = '[]'",
        "DELETE FROM meta",
        "DROP TABLE entries",
        "DROP TABLE requests",
        "UPDATE indexes SET fields = '['",
        "DELETE FROM indexes WHERE name = 'by_id'",
    ],
)
async def test_a_file_that_holds_nonsense_is_refused_in_one_line(filled: Path, spoil: str) -> None:
    with closing(sqlite3.connect(filled)) as sql:
        sql.execute(spoil)
        sql.commit()
    await refusal("basic", filled)


async def test_a_place_where_no_file_can_be_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "unable to open" in await refusal("basic", tmp_path / "folder")
    (tmp_path / "file").write_text("")
    assert "cannot be made" in await refusal("basic", tmp_path / "file" / "data.sqlite")


async def test_a_new_index_holds_the_documents_that_are_there(tmp_path: Path) -> None:
    data, folder = tmp_path / "data.sqlite", write_folder(tmp_path / "convex")
    async with serving(folder, data) as (_, api):
        for size in range(10):
            await api.mutation("rows:add", size=size)
    write_folder(folder, index='.index("by_size", ["size"])')
    async with serving(folder, data) as (_, api):
        assert await api.query("rows:big") == [8, 9]
    write_folder(folder)
    async with serving(folder, data) as (_, api):
        assert await api.query("rows:all") == 10


async def test_a_schema_that_the_documents_break_is_refused_by_name(tmp_path: Path) -> None:
    data, folder = tmp_path / "data.sqlite", write_folder(tmp_path / "convex")
    async with serving(folder, data) as (_, api):
        await api.mutation("rows:add", size=1)
    write_folder(folder, fields="size: v.string()")
    with pytest.raises(ConvexNotRunning, match=r'in table "rows" does not match the schema'):
        async with serving(folder, data):
            pass
    write_folder(folder)
    async with serving(folder, data) as (_, api):
        assert await api.query("rows:all") == 1


async def test_a_folder_that_does_not_load_says_where(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "convex")
    (folder / "broken.ts").write_text("export const x = ;")
    with pytest.raises(ConvexNotRunning, match=r"broken\.ts:1"):
        async with serving(folder, tmp_path / "data.sqlite"):
            pass
    (folder / "broken.ts").write_text("export {}; throw new Error('at load');")
    with pytest.raises(ConvexNotRunning, match="module broken fails to load: at load"):
        async with serving(folder, tmp_path / "data.sqlite"):
            pass


async def test_components_are_refused_clearly(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "convex")
    (folder / "convex.config.ts").write_text(
        'import { defineApp } from "convex/server";\n'
        'import other from "@acme/other/convex.config";\n'
        "const app = defineApp();\napp.use(other);\nexport default app;\n"
    )
    with pytest.raises(ConvexNotRunning, match=r"components, .*: @acme/other"):
        async with serving(folder, tmp_path / "data.sqlite"):
            pass


async def test_tests_generated_code_and_declarations_are_no_functions(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "convex")
    (folder / "rows.test.ts").write_text("throw new Error('a test was loaded');")
    (folder / "types.d.ts").write_text("throw new Error('a declaration was loaded');")
    (folder / "_generated").mkdir()
    (folder / "_generated" / "other.js").write_text("throw new Error('loaded');")
    async with serving(folder, tmp_path / "data.sqlite") as (_, api):
        assert await api.query("rows:all") == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "_generated",
        "rows.js",
        "rows.test.ts",
        "schema.ts",
        "types.d.ts",
    ]


async def test_changed_functions_are_served_and_watchers_told(tmp_path: Path) -> None:
    folder = tmp_path / "convex"
    shutil.copytree(FIXTURES / "crons", folder)
    (folder / "crons.ts").unlink()
    async with serving(folder, tmp_path / "data.sqlite", watch=True) as (_, api):
        values = api.watch("beats:count")
        assert await anext(values) == 0
        source = (folder / "beats.ts").read_text()
        (folder / "beats.ts").write_text(source.replace(".length", ".length + 100"))
        assert await anext(values) == 100
        (folder / "beats.ts").write_text("this does not parse")
        (folder / "more.ts").write_text(source.replace(".length", ".length + 7"))
        (folder / "beats.ts").write_text(source)
        assert await anext(values) == 0
        assert await api.query("more:count") == 7
        await values.aclose()
