"""Texts of the first Polaris, whose tools named files by ids; each difference has its reason.

They are the templates of its source, filled in; where the source says more than what is known of
it, the text here is its beginning.
"""

import json
from typing import Any

import pytest

from tests.tools.files.bench import Bench
from tools.files.by_id import ID_FILE_TOOLS

FILES: dict[str, str | bytes] = {"a.ts": "a\n", "src/b.ts": "b\n", "empty.txt": ""}

SAME: list[tuple[str, dict[str, Any], str]] = [
    ("updateFile", {"fileId": "a.ts", "content": "x"}, 'File "a.ts" updated successfully'),
    (
        "updateFile",
        {"fileId": "nope", "content": "x"},
        'Error: File with ID "nope" not found. Use listFiles to get valid file IDs.',
    ),
    (
        "updateFile",
        {"fileId": "src", "content": "x"},
        'Error: "src" is a folder, not a file. You can only update file contents.',
    ),
    (
        "createFiles",
        {
            "parentId": "src",
            "files": [{"name": "c", "content": ""}, {"name": "d", "content": ""}],
        },
        "Created 2 file(s): c, d",
    ),
    (
        "createFiles",
        {
            "parentId": "",
            "files": [{"name": "c", "content": ""}, {"name": "a.ts", "content": ""}],
        },
        "Created 1 file(s): c. Failed: a.ts (File already exists)",
    ),
    (
        "createFiles",
        {"parentId": "nope", "files": [{"name": "c", "content": ""}]},
        'Error: Parent folder with ID "nope" not found',
    ),
    (
        "createFiles",
        {"parentId": "a.ts", "files": [{"name": "c", "content": ""}]},
        'Error: The ID "a.ts" is a file, not a folder',
    ),
    ("createFolder", {"name": "lib", "parentId": ""}, "Folder created with ID: lib"),
    (
        "createFolder",
        {"name": "src", "parentId": ""},
        "Error creating folder: Folder already exists",
    ),
    (
        "createFolder",
        {"name": "x", "parentId": "nope"},
        'Error: Parent folder with ID "nope" not found',
    ),
    (
        "renameFile",
        {"fileId": "nope", "newName": "x"},
        'Error: File with ID "nope" not found. Use listFiles to get valid file IDs.',
    ),
    (
        "deleteFiles",
        {"fileIds": ["a.ts", "src"]},
        'Deleted file "a.ts" successfully\nDeleted folder "src" successfully',
    ),
    (
        "readFiles",
        {"fileIds": ["nope"]},
        "Error: No files found with provided IDs. Use listFiles to get valid fileIDs.",
    ),
]

DIFFERENT: list[tuple[str, dict[str, Any], str, str, str]] = [
    (
        "renameFile",
        {"fileId": "a.ts", "newName": "z.ts"},
        'Renamed "a.ts" to "z.ts" successfully',
        'Renamed "a.ts" to "z.ts" successfully. Its ID is now "z.ts".',
        "an id is a path, so it changes with the name",
    ),
    (
        "createFiles",
        {"parentId": "../x", "files": [{"name": "c", "content": ""}]},
        'Error: Invalid parentId "../x"',
        "The path '../x' leaves the project.",
        "any path is a possible id; one that leaves the project says so",
    ),
    (
        "deleteFiles",
        {"fileIds": ["a.ts", "nope"]},
        'Deleted file "a.ts" successfully',
        'Error: File with ID "nope" not found. Use listFiles to get valid file IDs.',
        "what one wrong id has stopped half-way, nobody knew; now nothing is deleted",
    ),
    (
        "readFiles",
        {"fileIds": []},
        "Error: ",
        "The arguments of readFiles are not valid, so nothing was done:",
        "all tools say in the same words which argument is wrong and what there is",
    ),
]


def bench() -> Bench:
    return Bench(dict(FILES), tools=ID_FILE_TOOLS)


@pytest.mark.parametrize(("tool", "arguments", "expected"), SAME, ids=lambda value: str(value)[:40])
async def test_the_tools_answer_as_before(
    tool: str, arguments: dict[str, Any], expected: str
) -> None:
    it = bench()
    await it.ok("readFiles", fileIds=["a.ts"])  # what is replaced has to have been read
    text = (await it.output(tool, **arguments)).text
    assert text == expected or (text.startswith(expected) and " not " in expected)


@pytest.mark.parametrize(
    ("tool", "arguments", "before", "now", "why"), DIFFERENT, ids=lambda it: str(it)[:40]
)
async def test_each_difference_is_meant(
    tool: str, arguments: dict[str, Any], before: str, now: str, why: str
) -> None:
    text = (await bench().output(tool, **arguments)).text
    assert text.startswith(now), why
    assert text != before


async def test_lists_are_the_same_json() -> None:
    it = bench()
    listed = json.loads(await it.ok("listFiles"))
    assert [set(entry) for entry in listed] == [{"id", "name", "type", "parentId"}] * 4
    assert [entry["type"] for entry in listed] == ["folder", "file", "file", "file"]
    assert {entry["id"]: entry["parentId"] for entry in listed} == {
        "src": None,
        "a.ts": None,
        "src/b.ts": "src",
        "empty.txt": None,
    }
    read = json.loads(await it.ok("readFiles", fileIds=["a.ts", "empty.txt"]))
    assert read[0] == {"id": "a.ts", "name": "a.ts", "content": "a\n"}
    # It left out empty files, and a model that asked for one could not know that it is there.
    assert read[1] == {"id": "empty.txt", "name": "empty.txt", "content": ""}
