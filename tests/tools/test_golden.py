"""Outputs that earlier versions gave for the same project; each difference has its reason."""

import base64
import json
from pathlib import Path
from typing import Any

from tools.files import FILE_TOOLS
from tools.place import Place, Provided
from tools.registry import Toolbox
from tools.search import SEARCH_TOOLS
from tools.search.relevance.client import RelevanceIndex
from tools.workspace.disk import DiskWorkspace
from tools.workspace.memory import MemoryWorkspace

GOLDEN = json.loads((Path(__file__).parent / "golden" / "files.json").read_text())
SEARCHES = json.loads((Path(__file__).parent / "golden" / "search.json").read_text())

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

SORTED = "files are sorted by path, so that an answer is the same each time"
ANYWHERE = "*.ts means a name in every folder, as in editors"

DIFFERENT_SEARCHES: dict[tuple[str, str], tuple[str, str]] = {
    ("searchFiles", '{"pattern": "add"}'): (
        (
            "Found 4 match(es):\n"
            "src/app.tsx:1:10 - import { add } from './math';\n"
            "src/app.tsx:6:15 - const sum = add(n, 1);\n"
            "src/math.ts:1:17 - export function add(a: number, b: number): number {\n"
            "src/math.ts:8:34 - push(n: number) { this.total = add(this.total, n); }"
        ),
        SORTED,
    ),
    ("searchFiles", '{"pattern": "add", "filePattern": "*.ts"}'): (
        (
            "Found 2 match(es):\n"
            "src/math.ts:1:17 - export function add(a: number, b: number): number {\n"
            "src/math.ts:8:34 - push(n: number) { this.total = add(this.total, n); }"
        ),
        ANYWHERE,
    ),
    ("searchFiles", '{"pattern": "("}'): (
        (
            "Found 8 match(es):\n"
            "src/app.tsx:4:28 - export default function App() {\n"
            "src/app.tsx:5:29 - const [n, setN] = useState(0);\n"
            "src/app.tsx:6:18 - const sum = add(n, 1);\n"
            "src/app.tsx:7:24 - return <div onClick={() => setN(sum)}>{sum}</div>;\n"
            "src/app.tsx:10:22 - const helper = async (x: number) => x * 2; // TODO remove\n"
            "src/math.ts:1:20 - export function add(a: number, b: number): number {\n"
            "src/math.ts:8:7 - push(n: number) { this.total = add(this.total, n); }\n"
            "src/math.ts:10:30 - export interface Shape { area(): number }\n"
            "[The pattern is no regular expression here (unclosed group); it was searched as plain "
            "text.]"
        ),
        "a pattern that is no regular expression is searched as it stands, and that is said",
    ),
    ("searchCodebase", '{"patternType": "import"}'): (
        (
            "Found 2 import(s):\n"
            "[import] ./math - src/app.tsx:1\n    import { add } from './math';\n"
            "[import] react - src/app.tsx:2\n    import React, { useState } from 'react';"
        ),
        "an import of a default and of names is one as well",
    ),
    ("searchCodebase", '{"patternType": "function"}'): (
        (
            "Found 4 function(s):\n"
            "[function] App - src/app.tsx:4\n    export default function App() {\n"
            "[function] helper - src/app.tsx:10\n"
            "    const helper = async (x: number) => x * 2; // TODO remove\n"
            "[function] add - src/math.ts:1\n"
            "    export function add(a: number, b: number): number {\n"
            "[function] push - src/math.ts:8\n"
            "    push(n: number) { this.total = add(this.total, n); }"
        ),
        f"methods are functions; {SORTED}",
    ),
    ("searchCodebase", '{"patternType": "class"}'): (
        (
            "Found 4 class(s):\n"
            "[class] Calculator - src/math.ts:6\n    export class Calculator {\n"
            "[class] Shape - src/math.ts:10\n    export interface Shape { area(): number }\n"
            "[class] Id - src/math.ts:11\n    export type Id = string;\n"
            "[class] Color - src/math.ts:12\n    export enum Color { Red }"
        ),
        "interfaces, types and enums are looked for as classes are",
    ),
    ("searchCodebase", '{"patternType": "export"}'): (
        (
            "Found 9 export(s):\n"
            "[export] App - src/app.tsx:4\n    export default function App() {\n"
            "[export] x - src/broken.ts:2\n    export { x, y };\n"
            "[export] y - src/broken.ts:2\n    export { x, y };\n"
            "[export] add - src/math.ts:1\n"
            "    export function add(a: number, b: number): number {\n"
            "[export] PI - src/math.ts:5\n    export const PI = 3.14;\n"
            "[export] Calculator - src/math.ts:6\n    export class Calculator {\n"
            "[export] Shape - src/math.ts:10\n    export interface Shape { area(): number }\n"
            "[export] Id - src/math.ts:11\n    export type Id = string;\n"
            "[export] Color - src/math.ts:12\n    export enum Color { Red }"
        ),
        f"types are exported as well; {SORTED}",
    ),
    ("searchCodebase", '{"patternType": "call", "searchTerm": "add"}'): (
        (
            "Found 2 call(s):\n"
            "[call] add - src/app.tsx:6\n    const sum = add(n, 1);\n"
            "[call] add - src/math.ts:8\n"
            "    push(n: number) { this.total = add(this.total, n); }"
        ),
        "the definition of a function is no call of it",
    ),
    ("searchCodebase", '{"patternType": "class", "searchTerm": "zzz"}'): (
        'No classes found matching "zzz".',
        "spelling",
    ),
    ("getRelevantFiles", '{"query": "add numbers"}'): (
        (
            "Found 3 relevant file(s):\n"
            "1. src/math.ts [score: 11.7] (Contains query terms: add, numbers, Imported by "
            "src/app.tsx)\n"
            "2. src/app.tsx [score: 8.0] (Contains query terms: add, numbers, Imports "
            "src/math.ts)\n"
            "3. src/broken.ts [score: 3.0] (Contains query terms: numbers)"
        ),
        "names without an inner capital are words as well",
    ),
    ("getRelevantFiles", '{"query": "calculator", "currentFile": "src/app.tsx"}'): (
        (
            "Found 1 relevant file(s):\n"
            "1. src/math.ts [score: 17.0] (Contains query terms: calculator, Imported by current "
            "file)"
        ),
        "the current file is known, and a file that only stands beside it says nothing",
    ),
    ("getRelevantFiles", '{"query": "calculator", "currentFile": "src/app.tsx", "maxFiles": 1}'): (
        (
            "Found 1 relevant file(s):\n"
            "1. src/math.ts [score: 17.0] (Contains query terms: calculator, Imported by current "
            "file)"
        ),
        "scores are of a ranking by words and imports, in which 10 is the best of the words",
    ),
    ("findFilesByPattern", '{"pattern": "*.ts"}'): (
        'Found 2 file(s) matching "*.ts":\nsrc/broken.ts\nsrc/math.ts',
        ANYWHERE,
    ),
    ("findFilesByPattern", '{"pattern": "**/*.ts"}'): (
        'Found 2 file(s) matching "**/*.ts":\nsrc/broken.ts\nsrc/math.ts',
        SORTED,
    ),
}


async def test_the_search_tools_answer_as_before(tmp_path: Path) -> None:
    for file in GOLDEN["files"]:
        if file["type"] == "file":
            target = tmp_path / "files" / file["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file["content"].encode() if "content" in file else PNG)
    toolbox = Toolbox(SEARCH_TOOLS)
    folder = tmp_path / "files"
    used: set[tuple[str, str]] = set()
    async with RelevanceIndex() as index:
        place = Place(DiskWorkspace(folder), folder=folder, need=Provided(index))
        for case in SEARCHES["results"]:
            tool: str = case["tool"]
            arguments: dict[str, Any] = case["args"]
            key = (tool, json.dumps(arguments))
            expected: str = case["result"]
            if key in DIFFERENT_SEARCHES:
                used.add(key)
                assert DIFFERENT_SEARCHES[key][0] != expected
                expected = DIFFERENT_SEARCHES[key][0]
            output = await toolbox.run(tool, arguments, place)
            assert output.text == expected, key
    assert used == set(DIFFERENT_SEARCHES)


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
