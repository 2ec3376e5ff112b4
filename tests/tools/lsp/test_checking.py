"""The results of edits, with the errors that the edits made."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.tools.attacks.test_lsp import misbehaving
from tests.tools.lsp.bench import LspBench, bench
from tests.tools.lsp.test_new_errors import PYTHON, TYPESCRIPT
from tools.files import FILE_TOOLS
from tools.lsp import LSP_TOOLS
from tools.lsp.checking import checked
from tools.output import DiagnosticsPart, ToolOutput
from tools.place import Place, Provided
from tools.registry import Toolbox
from tools.tool import AnyTool
from tools.workspace.memory import MemoryWorkspace
from tools.workspace.port import RelPath
from tools.workspace.staged import StagedWorkspace

pytestmark = pytest.mark.timeout(120)

PATIENT_S = 60.0  # tests also run on slow machines

Calls = list[tuple[str, dict[str, Any], str]]

EDITS: Calls = [
    (
        "editFile",
        {"path": "src/math.ts", "oldString": "b: number", "newString": "b: string"},
        "Successfully edited src/math.ts",
    ),
    (
        "multiEdit",
        {
            "edits": [
                {"path": "src/math.ts", "oldString": "b: number", "newString": "b: string"},
                {"path": "src/math.ts", "oldString": "+ b", "newString": "+ Number(b)"},
            ]
        },
        "Successfully made 2 edits in src/math.ts",
    ),
    (
        "applyPatch",
        {
            "patch": "*** Begin Patch\n*** Update File: src/math.ts\n@@\n"
            "-export function add(a: number, b: number) { return a + b; }\n"
            "+export function add(a: number, b: string) { return a + Number(b); }\n*** End Patch"
        },
        "Successfully applied the patch:\nM src/math.ts",
    ),
    (
        "writeFile",
        {"path": "src/extra.ts", "content": 'import { add } from "./math";\nadd("1", 2);\n'},
        "Successfully wrote to src/extra.ts",
    ),
    (
        "renameFile",
        {"path": "src/math.ts", "newPath": "src/sums.ts"},
        "Successfully renamed src/math.ts to src/sums.ts",
    ),
    ("deleteFile", {"path": "src/math.ts"}, "Successfully deleted src/math.ts"),
    (
        "renameSymbol",
        {"path": "src/use.ts", "line": 2, "symbol": "n", "newName": "add"},
        "Renamed to add: 1 place(s) in 1 file(s):\nsrc/use.ts (1)",
    ),
]


async def run(
    lsp: LspBench, name: str, arguments: dict[str, Any], *, within_s: float = PATIENT_S
) -> ToolOutput:
    """A call with a stage of its own, which nobody commits."""
    tools: tuple[AnyTool, ...] = checked((*FILE_TOOLS, *LSP_TOOLS), within_s=within_s)
    lsp.place = lsp.new_place()
    output = await Toolbox(tools).run(name, arguments, lsp.place)
    assert not output.is_error, output.text
    return output


async def warm(lsp: LspBench, path: str) -> None:
    await lsp.ok("getDiagnostics", path=path)


def diagnostics(output: ToolOutput) -> list[str]:
    return [
        f"{each.path} {each.code}"
        for part in output.parts
        if isinstance(part, DiagnosticsPart)
        for each in part.diagnostics
    ]


@pytest.mark.parametrize(("name", "arguments", "said"), EDITS, ids=[name for name, *_ in EDITS])
async def test_each_tool_that_edits_tells_the_errors_that_it_made(
    tmp_path: Path, name: str, arguments: dict[str, Any], said: str
) -> None:
    async with bench(tmp_path, TYPESCRIPT) as lsp:
        await warm(lsp, "src/use.ts")
        output = await run(lsp, name, arguments)
        head, _, told = output.text.partition("\n\n")
        assert head == said
        assert told.startswith("This change makes ")
        assert "[error] src/" in told
        found = diagnostics(output)
        assert found
        assert not any(each.startswith("src/old.ts") for each in found)


async def test_python_is_checked_as_well(tmp_path: Path) -> None:
    async with bench(tmp_path, PYTHON) as lsp:
        await warm(lsp, "use.py")
        edit = {"path": "math_.py", "oldString": "a + b", "newString": "str(a + b)"}
        output = await run(lsp, "editFile", edit)
        assert "This change makes 1 new error(s):\n[error] math_.py:2:12 - " in output.text
        assert diagnostics(output) == ["math_.py invalid-explicit-return"]


async def test_what_was_wrong_before_and_what_is_mended_is_not_told(tmp_path: Path) -> None:
    async with bench(tmp_path, TYPESCRIPT) as lsp:
        await warm(lsp, "src/old.ts")
        edit = {"path": "src/old.ts", "oldString": "export", "newString": "\n\nexport"}
        assert (await run(lsp, "editFile", edit)).text == "Successfully edited src/old.ts"
        edit = {"path": "src/old.ts", "oldString": "3", "newString": '"3"'}
        output = await run(lsp, "editFile", edit)
        assert (output.text, output.parts) == ("Successfully edited src/old.ts", ())


async def test_the_second_edit_is_judged_by_what_the_first_has_left(tmp_path: Path) -> None:
    async with bench(tmp_path, TYPESCRIPT) as lsp:
        await warm(lsp, "src/math.ts")
        edit = {"path": "src/math.ts", "oldString": "b: number", "newString": "b: string"}
        assert "2 new error(s)" in (await run(lsp, "editFile", edit)).text
        lsp.write("src/math.ts", await lsp.staged.read(RelPath("src/math.ts")))
        edit = {"path": "src/use.ts", "oldString": "add(1, 2)", "newString": 'add(1, "2")'}
        output = await run(lsp, "editFile", edit)
        assert output.text == "Successfully edited src/use.ts"  # two errors fewer


async def test_a_server_that_has_not_answered_yet_is_started_beside_the_edit(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, TYPESCRIPT) as lsp:
        edit = {"path": "src/math.ts", "oldString": "b: number", "newString": "b: string"}
        assert (await run(lsp, "editFile", edit)).text == "Successfully edited src/math.ts"
        async with asyncio.timeout(PATIENT_S):
            while not await lsp.servers.is_warm(tmp_path, RelPath("src/math.ts")):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.02)
        assert "2 new error(s)" in (await run(lsp, "editFile", edit)).text


async def test_a_server_that_is_late_is_said_so_and_the_edit_is_made(tmp_path: Path) -> None:
    async with bench(tmp_path, TYPESCRIPT) as lsp:
        await warm(lsp, "src/math.ts")
        edit = {"path": "src/math.ts", "oldString": "b: number", "newString": "b: string"}
        output = await run(lsp, "editFile", edit, within_s=0.0)
        assert output.text == (
            "Successfully edited src/math.ts\n\nNot checked for new errors: that took more than "
            "0 seconds. getDiagnostics waits for longer."
        )
        assert b"b: string" in await lsp.staged.read(RelPath("src/math.ts"))
        assert "2 new error(s)" in (await run(lsp, "editFile", edit)).text


async def test_no_edit_waits_for_a_server_that_hangs(tmp_path: Path) -> None:
    async with misbehaving(tmp_path, "hang") as lsp:
        for content in ("one", "two"):
            edit = {"path": "new.fake", "content": content}
            assert (await run(lsp, "writeFile", edit)).text == "Successfully wrote to new.fake"


async def test_where_nothing_knows_the_file_nothing_is_said(tmp_path: Path) -> None:
    async with bench(tmp_path, TYPESCRIPT) as lsp:
        output = await run(lsp, "writeFile", {"path": "notes.txt", "content": "words"})
        assert output.text == "Successfully wrote to notes.txt"
        assert lsp.servers.running == 0
    toolbox = Toolbox(checked(FILE_TOOLS))
    arguments = {"path": "a.ts", "content": "let a: string = 1;"}
    for place in (
        Place(MemoryWorkspace()),
        Place(StagedWorkspace(MemoryWorkspace()), folder=tmp_path, need=Provided()),
    ):
        output = await toolbox.run("writeFile", arguments, place)
        assert output.text == "Successfully wrote to a.ts"
