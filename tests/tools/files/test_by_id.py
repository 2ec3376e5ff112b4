"""The second list of file tools: results as an earlier Polaris gave them, and where they differ."""

import json
from typing import Any

from tests.tools.files.bench import Bench
from tools.files import FILE_TOOLS
from tools.files.by_id import ID_FILE_TOOLS
from tools.output import ImagePart
from tools.registry import Toolbox
from tools.workspace.port import RelPath

GIF = b"GIF89a\x03\x00\x02\x00\x80\0\0"


def bench(files: dict[str, str | bytes]) -> Bench:
    return Bench(files, tools=ID_FILE_TOOLS)


def test_schemas_are_closed_objects_with_described_properties() -> None:
    toolbox = Toolbox(ID_FILE_TOOLS)
    assert toolbox.names == (
        "listFiles",
        "readFiles",
        "updateFile",
        "createFiles",
        "createFolder",
        "renameFile",
        "deleteFiles",
    )
    for tool in toolbox.descriptions:
        assert tool.input_schema["additionalProperties"] is False
        assert "$ref" not in json.dumps(tool.input_schema)
        assert all(value["description"] for value in tool.input_schema["properties"].values())
    assert set(toolbox.names) & set(Toolbox(FILE_TOOLS).names) == {
        "listFiles",
        "renameFile",
        "createFolder",
    }


async def test_files_are_listed_with_ids_that_the_other_tools_take() -> None:
    it = bench({"src/a.ts": "a\n", "b.ts": "b\n", "node_modules/x/y.js": ""})
    listed = json.loads(await it.ok("listFiles"))
    assert listed == [
        {"id": "src", "name": "src", "type": "folder", "parentId": None},
        {"id": "b.ts", "name": "b.ts", "type": "file", "parentId": None},
        {"id": "src/a.ts", "name": "a.ts", "type": "file", "parentId": "src"},
    ]
    ids = [entry["id"] for entry in listed if entry["type"] == "file"]
    assert json.loads(await it.ok("readFiles", fileIds=ids)) == [
        {"id": "b.ts", "name": "b.ts", "content": "b\n"},
        {"id": "src/a.ts", "name": "a.ts", "content": "a\n"},
    ]


async def test_a_file_that_cannot_be_read_is_told_not_dropped() -> None:
    it = bench({"a": "", "b": b"\0", "c.gif": GIF})
    read: list[dict[str, Any]] = json.loads(
        await it.ok("readFiles", fileIds=["a", "b", "c.gif", "../x", "nope"])
    )
    assert read[0] == {"id": "a", "name": "a", "content": ""}
    assert "binary file" in read[1]["error"]
    assert "GIF image" in read[2]["content"]
    assert "leaves the project" in read[3]["error"]
    assert read[4]["error"] == "File not found. Use listFiles to get valid file IDs."
    assert await it.refused("readFiles", fileIds=["x", "y"]) == (
        "Error: No files found with provided IDs. Use listFiles to get valid fileIDs."
    )
    output = await it.output("readFiles", fileIds=["c.gif"])
    assert [type(part) for part in output.parts] == [ImagePart]


async def test_not_more_is_read_than_fits() -> None:
    it = bench({f"f{n}": "x" * 50 + "\n" + "y\n" * 30_000 for n in range(50)})
    text = await it.ok("readFiles", fileIds=[f"f{n}" for n in range(50)])
    assert len(text) < 200_000
    assert "too much for one call" in text
    assert "at most 50" in await it.refused("readFiles", fileIds=["f0"] * 51)


async def test_a_file_is_replaced_once_it_was_read() -> None:
    it = bench({"src/a.ts": "old\n"})
    refused = await it.refused("updateFile", fileId="src/a.ts", content="new")
    assert refused.startswith("Error: src/a.ts was not replaced, because you have not read it.")
    await it.ok("readFiles", fileIds=["src/a.ts"])
    done = await it.ok("updateFile", fileId="src/a.ts", content="new")
    assert done == 'File "a.ts" updated successfully'
    assert it.text("src/a.ts") == "new"
    assert await it.refused("updateFile", fileId="nope", content="x") == (
        'Error: File with ID "nope" not found. Use listFiles to get valid file IDs.'
    )
    assert await it.refused("updateFile", fileId="src", content="x") == (
        'Error: "src" is a folder, not a file. You can only update file contents.'
    )


async def test_files_and_folders_are_created_in_a_folder() -> None:
    it = bench({"a": "a"})
    text = await it.ok("createFolder", name="src", parentId="")
    assert text == "Folder created with ID: src"
    files = [{"name": "b.ts", "content": "b"}, {"name": "c.ts", "content": "c"}]
    text = await it.ok("createFiles", parentId="src", files=files)
    assert text == "Created 2 file(s): b.ts, c.ts"
    text = await it.ok(
        "createFiles", parentId="src", files=[files[0], {"name": "d", "content": ""}]
    )
    assert text == "Created 1 file(s): d. Failed: b.ts (File already exists)"
    text = await it.refused("createFiles", parentId="src", files=[{"name": "../x", "content": ""}])
    assert text.startswith('Created 0 file(s). Failed: ../x (Error: "../x" is no name')
    assert await it.refused("createFolder", name="src", parentId="") == (
        "Error creating folder: Folder already exists"
    )
    assert await it.refused("createFolder", name="x", parentId="no/where") == (
        'Error: Parent folder with ID "no/where" not found. Use listFiles to get valid file IDs.'
    )
    text = await it.refused("createFiles", parentId="a", files=files)
    assert text.startswith('Error: The ID "a" is a file, not a folder.')
    await it.ok("updateFile", fileId="src/b.ts", content="what was created is known")


async def test_a_renamed_file_has_another_id_which_is_told() -> None:
    it = bench({"src/a.ts": "a", "src/b.ts": "b"})
    text = await it.ok("renameFile", fileId="src/a.ts", newName="c.ts")
    assert text == 'Renamed "a.ts" to "c.ts" successfully. Its ID is now "src/c.ts".'
    text = await it.ok("renameFile", fileId="src", newName="lib")
    assert text == 'Renamed "src" to "lib" successfully. Its ID is now "lib".'
    assert "no name" in await it.refused("renameFile", fileId="lib", newName="x/y")
    assert "exists already" in await it.refused("renameFile", fileId="lib/b.ts", newName="c.ts")
    assert "not found" in await it.refused("renameFile", fileId="src/a.ts", newName="x")
    assert sorted(it.workspace.files) == ["lib/b.ts", "lib/c.ts"]


async def test_files_are_deleted_together_or_not_at_all() -> None:
    it = bench({"src/a": "", "b": "", "c": ""})
    text = await it.refused("deleteFiles", fileIds=["b", "nope"])
    assert text == 'Error: File with ID "nope" not found. Use listFiles to get valid file IDs.'
    assert sorted(it.workspace.files) == ["b", "c", "src/a"]
    assert await it.ok("deleteFiles", fileIds=["src", "b", "src/a"]) == (
        'Deleted folder "src" successfully\nDeleted file "b" successfully'
    )
    assert sorted(it.workspace.files) == ["c"]


def test_each_call_says_which_paths_it_touches() -> None:
    toolbox = Toolbox(ID_FILE_TOOLS)

    def writes(tool: str, **arguments: Any) -> set[RelPath]:
        return set(toolbox.touches(tool, arguments).writes)

    assert toolbox.touches("listFiles", {}).reads == {""}
    assert toolbox.touches("readFiles", {"fileIds": ["a", "b/c"]}).reads == {"a", "b/c"}
    assert writes("updateFile", fileId="a", content="") == {"a"}
    files = [{"name": "a", "content": ""}, {"name": "b", "content": ""}]
    assert writes("createFiles", parentId="src", files=files) == {"src/a", "src/b"}
    assert writes("createFolder", name="a") == {"a"}
    assert writes("renameFile", fileId="src/a", newName="b") == {"src/a", "src/b"}
    assert writes("deleteFiles", fileIds=["a", "b"]) == {"a", "b"}
    assert writes("deleteFiles", fileIds=["../a"]) == set()
