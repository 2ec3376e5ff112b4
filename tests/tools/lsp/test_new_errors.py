"""Errors that an edit has made."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.tools.lsp.bench import STRICT, LspBench, bench
from tools.lsp.new_errors import NewErrors, new_errors
from tools.place import Place
from tools.workspace.memory import MemoryWorkspace
from tools.workspace.port import RelPath

TYPESCRIPT = {
    "tsconfig.json": STRICT,
    "src/math.ts": "export function add(a: number, b: number) { return a + b; }\n",
    "src/use.ts": 'import { add } from "./math";\nexport const n: number = add(1, 2);\n',
    "src/old.ts": "export const wrong: string = 3;\n",
}
PYTHON = {
    "math_.py": "def add(a: int, b: int) -> int:\n    return a + b\n",
    "use.py": "from math_ import add\n\nn: int = add(1, 2)\n",
    "old.py": "wrong: str = 3\n",
}


async def edit(lsp: LspBench, changes: Mapping[str, str | None]) -> NewErrors:
    """Stage changes in a call of their own, and ask about them."""
    lsp.place = lsp.new_place()
    before: dict[RelPath, bytes] = {}
    for name, text in changes.items():
        path = RelPath(name)
        if (lsp.folder / name).exists():
            before[path] = (lsp.folder / name).read_bytes()
        if text is None:
            await lsp.staged.delete(path)
        else:
            await lsp.staged.write(path, text.encode(), expected_sha256=None)
    return await new_errors(lsp.place, before, lsp.staged.changed_paths())


async def test_errors_in_files_that_use_the_changed_one_are_told(tmp_path: Path) -> None:
    async with bench(tmp_path, TYPESCRIPT) as lsp:
        changed = TYPESCRIPT["src/math.ts"].replace("b: number", "b: string")
        found = await edit(lsp, {"src/math.ts": changed})
        head, first, second = found.text.splitlines()
        assert head == "This change makes 2 new error(s):"
        assert first.startswith("[error] src/use.ts:2:14 - TS2322: ")
        assert second.startswith("[error] src/use.ts:2:33 - TS2345: ")
        assert found.part is not None
        assert [each.code for each in found.part.diagnostics] == ["2322", "2345"]


async def test_python_errors_in_files_that_use_the_changed_one_are_told(tmp_path: Path) -> None:
    async with bench(tmp_path, PYTHON) as lsp:
        found = await edit(lsp, {"math_.py": "def add(a: int, b: int) -> str:\n    return ''\n"})
        head, first = found.text.splitlines()
        assert head == "This change makes 1 new error(s):"
        assert first.startswith("[error] use.py:3:10 - invalid-assignment: ")


@pytest.mark.parametrize(("files", "path"), [(TYPESCRIPT, "src/old.ts"), (PYTHON, "old.py")])
async def test_errors_that_were_there_are_not_new_wherever_they_move(
    tmp_path: Path, files: dict[str, str], path: str
) -> None:
    async with bench(tmp_path, files) as lsp:
        assert await edit(lsp, {path: "\n\n" + files[path]}) == NewErrors()
        moved = f"moved{Path(path).suffix}"
        assert await edit(lsp, {path: None, moved: files[path]}) == NewErrors()
        found = await edit(lsp, {path: files[path] + files[path].replace("wrong", "again")})
        assert found.text.startswith("This change makes 1 new error(s):\n")


async def test_a_new_file_a_deleted_one_and_several_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path, TYPESCRIPT) as lsp:
        both = {
            "src/extra.ts": "export const zip = 1;\n",
            "src/use.ts": 'import { zip } from "./extra";\nexport const n: string = zip;\n',
        }
        found = await edit(lsp, both)
        assert found.text.startswith("This change makes 1 new error(s):\n[error] src/use.ts:2:14")
        found = await edit(lsp, {"src/math.ts": None})
        assert "src/use.ts:1:21" in found.text
        assert str(tmp_path) not in found.text
        assert await edit(lsp, {"src/math.ts": TYPESCRIPT["src/math.ts"]}) == NewErrors()


async def test_at_most_twenty_are_shown(tmp_path: Path) -> None:
    async with bench(tmp_path, TYPESCRIPT) as lsp:
        text = "".join(f"export const n{number}: string = {number};\n" for number in range(30))
        found = await edit(lsp, {"src/many.ts": text})
        head, *lines = found.text.splitlines()
        assert head == "This change makes 30 new error(s) (showing first 20):"
        assert len(lines) == 20
        assert found.part is not None
        assert len(found.part.diagnostics) == 20


async def test_a_package_that_is_not_installed_is_no_new_error(tmp_path: Path) -> None:
    files = TYPESCRIPT | {"package.json": '{"dependencies": {"pad": "1"}}'}
    async with bench(tmp_path, files) as lsp:
        found = await edit(lsp, {"src/new.ts": 'import pad from "pad";\nexport const p = pad;\n'})
        assert found.part is None
        assert found.text.startswith("Not installed: pad. ")


async def test_what_no_server_knows_and_where_there_are_none_is_silent(tmp_path: Path) -> None:
    async with bench(tmp_path, TYPESCRIPT) as lsp:
        assert await edit(lsp, {"notes.txt": "words"}) == NewErrors()
    place = Place(MemoryWorkspace({"a.ts": "let a: string = 1;"}))
    assert await new_errors(place, {}, [RelPath("a.ts")]) == NewErrors()
