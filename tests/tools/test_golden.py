"""Outputs that earlier versions gave for the same project; each difference has its reason."""

import base64
import json
from pathlib import Path
from typing import Any

from tools.files import FILE_TOOLS
from tools.place import Place
from tools.registry import Toolbox
from tools.workspace.memory import MemoryWorkspace

GOLDEN = json.loads((Path(__file__).parent / "golden" / "files.json").read_text())

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)

DIFFERENT: dict[tuple[str, str], tuple[str, str]] = {
    ("readFile", '{"path": "logo.png"}'): (
        f"logo.png is a PNG image of {len(PNG)} bytes, 1 x 1 pixels.",
        "an empty text made the model believe that the file is empty",
    ),
    ("deleteFile", '{"path": "nope"}'): (
        "File not found: nope",
        "the same words as readFile, and they name the path",
    ),
    ("listFiles", '{"path": "zzz"}'): (
        "Folder not found: zzz",
        "a folder that does not exist is not empty",
    ),
    ("getProjectStructure", "{}"): (
        "src/\n  app.tsx\n  broken.ts\n  math.ts\nempty.txt\nlogo.png\npackage.json",
        "a tree names each folder once, so that twice as many files fit into a prompt",
    ),
}


async def test_the_file_tools_answer_as_before() -> None:
    files: dict[str, str | bytes] = {
        file["path"]: file.get("content", PNG) for file in GOLDEN["files"] if file["type"] == "file"
    }
    toolbox = Toolbox(FILE_TOOLS)
    place = Place(MemoryWorkspace(files))
    used: set[tuple[str, str]] = set()
    for case in GOLDEN["results"]:
        tool: str = case["tool"]
        arguments: dict[str, Any] = case["args"]
        key = (tool, json.dumps(arguments))
        expected: str = case["result"]
        if key in DIFFERENT:
            used.add(key)
            assert DIFFERENT[key][0] != expected
            expected = DIFFERENT[key][0]
        output = await toolbox.run(tool, arguments, place)
        assert output.text == expected, key
    assert used == set(DIFFERENT)
