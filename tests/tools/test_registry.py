import asyncio
import json
import logging
from typing import Any

import pytest
from pydantic import BaseModel

from core.errors import Refused, Transient
from tools.files import FILE_TOOLS
from tools.lsp import LSP_TOOLS
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.registry import Toolbox
from tools.search import SEARCH_TOOLS
from tools.terminal import TERMINAL_TOOLS
from tools.tool import Tool
from tools.workspace.memory import MemoryWorkspace
from tools.workspace.port import RelPath

TOOLS = (*FILE_TOOLS, *SEARCH_TOOLS, *LSP_TOOLS, *TERMINAL_TOOLS)


class NoArguments(BaseModel):
    pass


def raising(error: BaseException) -> Tool[NoArguments]:
    async def run(_: NoArguments, __: Place) -> ToolOutput:
        raise error

    return Tool("boom", "Raises.", NoArguments, lambda _: Touches(), run)


def place() -> Place:
    return Place(MemoryWorkspace({"a.ts": "a"}))


def test_schemas_are_closed_objects_with_described_properties() -> None:
    toolbox = Toolbox(TOOLS)
    assert toolbox.names == (
        "readFile",
        "writeFile",
        "editFile",
        "multiEdit",
        "applyPatch",
        "deleteFile",
        "renameFile",
        "createFolder",
        "undo",
        "listFiles",
        "getProjectStructure",
        "searchFiles",
        "findFilesByPattern",
        "searchCodebase",
        "getRelevantFiles",
        "findSymbol",
        "getReferences",
        "goToDefinition",
        "getDiagnostics",
        "hover",
        "renameSymbol",
        "executeCommand",
        "readOutput",
        "startProcess",
        "readProcess",
        "stopProcess",
    )
    for tool in toolbox.descriptions:
        assert tool.input_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        assert "$defs" not in tool.input_schema
        assert tool.description
        for value in tool.input_schema["properties"].values():
            assert value["description"]
        json.dumps(tool.input_schema)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "path"),
        ({"path": 7}, "path"),
        ({"path": ""}, "path"),
        ({"path": "a.ts", "offset": 0}, "offset"),
        ({"path": "a.ts", "limit": "many"}, "limit"),
        ({"path": "a.ts", "colour": "red"}, "colour"),
        ({"path": "x" * 2_000}, "path"),
        ({"path": "a\ud800"}, "path"),
    ],
)
async def test_wrong_arguments_are_answered_with_the_field(
    arguments: dict[str, Any], named: str
) -> None:
    output = await Toolbox(FILE_TOOLS).run("readFile", arguments, place())
    assert output.is_error
    assert named in output.text
    assert "Traceback" not in output.text
    assert "pydantic" not in output.text


async def test_an_unknown_tool_is_answered_with_those_there_are() -> None:
    output = await Toolbox(FILE_TOOLS).run("rm", {}, place())
    assert output.is_error
    assert "editFile" in output.text


async def test_what_a_tool_refuses_is_told_in_its_words() -> None:
    output = await Toolbox([raising(Refused("Not on a Sunday."))]).run("boom", {}, place())
    assert output == ToolOutput("Not on a Sunday.", is_error=True)


async def test_a_bug_is_logged_and_told_without_its_insides(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        output = await Toolbox([raising(KeyError("secret"))]).run("boom", {}, place())
    assert output.is_error
    assert "secret" not in output.text
    [record] = caplog.records
    assert record.message == "tool_failed"
    assert record.exc_info is not None


async def test_what_may_pass_is_left_to_the_caller() -> None:
    with pytest.raises(Transient):
        await Toolbox([raising(Transient("soon"))]).run("boom", {}, place())
    with pytest.raises(asyncio.CancelledError):
        await Toolbox([raising(asyncio.CancelledError())]).run("boom", {}, place())


async def test_a_tool_that_hangs_is_stopped_at_its_time() -> None:
    async def run(_: NoArguments, __: Place) -> ToolOutput:
        await asyncio.Event().wait()
        raise AssertionError

    tool = Tool("slow", "Hangs.", NoArguments, lambda _: Touches(), run, timeout_s=0.01)
    output = await Toolbox([tool]).run("slow", {}, place())
    assert output.is_error
    assert "0.01 seconds" in output.text


async def test_a_time_out_inside_a_tool_is_its_bug_not_ours() -> None:
    output = await Toolbox([raising(TimeoutError("inner"))]).run("boom", {}, place())
    assert "defect" in output.text


@pytest.mark.parametrize(
    ("name", "arguments", "reads", "writes"),
    [
        ("readFile", {"path": "./a.ts"}, {"a.ts"}, set[str]()),
        ("writeFile", {"path": "a.ts", "content": ""}, set[str](), {"a.ts"}),
        ("editFile", {"path": "a", "oldString": "a", "newString": "b"}, set[str](), {"a"}),
        (
            "multiEdit",
            {"edits": [{"path": path, "oldString": "a", "newString": "b"} for path in "ab"]},
            set[str](),
            {"a", "b"},
        ),
        ("multiEdit", {"edits": []}, set[str](), set[str]()),
        (
            "applyPatch",
            {
                "patch": "*** Begin Patch\n*** Delete File: a\n*** Update File: b\n"
                "*** Move to: c\n@@\n-x\n*** Add File: d\n+x\n*** End Patch"
            },
            set[str](),
            {"a", "b", "c", "d"},
        ),
        ("applyPatch", {"patch": "nonsense"}, set[str](), set[str]()),
        ("deleteFile", {"path": "src"}, set[str](), {"src"}),
        ("createFolder", {"path": "src/new"}, set[str](), {"src/new"}),
        ("renameFile", {"path": "a", "newPath": "b"}, set[str](), {"a", "b"}),
        ("undo", {}, set[str](), {""}),
        ("undo", {"paths": ["src"]}, set[str](), {""}),
        ("listFiles", {}, {""}, set[str]()),
        ("listFiles", {"path": "src"}, {"src"}, set[str]()),
        ("getProjectStructure", {}, {""}, set[str]()),
        ("findSymbol", {"query": "a"}, {""}, set[str]()),
        ("getReferences", {"path": "a.ts", "line": 1}, {""}, set[str]()),
        ("goToDefinition", {"path": "a.ts", "line": 1}, {""}, set[str]()),
        ("getDiagnostics", {"path": "a.ts"}, {""}, set[str]()),
        ("hover", {"path": "a.ts", "line": 1}, {""}, set[str]()),
        ("renameSymbol", {"path": "a.ts", "line": 1, "newName": "b"}, set[str](), {""}),
        ("searchFiles", {"pattern": "a"}, {""}, set[str]()),
        ("findFilesByPattern", {"pattern": "*.ts"}, {""}, set[str]()),
        ("searchCodebase", {}, {""}, set[str]()),
        ("getRelevantFiles", {"query": "a"}, {""}, set[str]()),
        ("readFile", {"path": "../a"}, set[str](), set[str]()),
        ("readFile", {}, set[str](), set[str]()),
        ("noSuchTool", {}, set[str](), set[str]()),
    ],
)
def test_each_call_says_which_paths_it_touches(
    name: str, arguments: dict[str, Any], reads: set[str], writes: set[str]
) -> None:
    touches = Toolbox(TOOLS).touches(name, arguments)
    assert touches == Touches(
        reads=frozenset(map(RelPath, reads)), writes=frozenset(map(RelPath, writes))
    )
