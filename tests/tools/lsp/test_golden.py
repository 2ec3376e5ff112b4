"""Outputs that earlier versions gave for the same project; each difference has its reason."""

import json
from pathlib import Path
from typing import Any

from tests.tools.lsp.bench import bench

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "lsp.json").read_text())

TWICE = "each symbol stood there twice, at the beginning of its statement, with imports as symbols"

NOT_INSTALLED = (
    "No diagnostics found for src/app.tsx.\n"
    "Not installed, and the project does not ask for it: react (4 finding(s)). Add it to the "
    "project's dependencies, or mend the import."
)
NO_SERVER = (
    "No language server knows empty.txt: it works for files that end in .c, .cc, .cjs, .cpp, .cts, "
    ".go, .h, .hpp, .js, .jsx, .mjs, .mts, .py, .pyi, .rs, .ts, .tsx. Search the text instead."
)

DIFFERENT: dict[tuple[str, str], tuple[str, str]] = {
    ("findSymbol", '{"query": "add"}'): (
        "Found 1 symbol(s):\n[function] add - src/math.ts:1:17",
        TWICE,
    ),
    ("findSymbol", '{"query": "a", "kind": "class"}'): (
        "Found 1 symbol(s):\n[class] Calculator - src/math.ts:6:14",
        "files, imports and properties are no classes",
    ),
    ("findSymbol", '{"query": "Color", "kind": "function"}'): (
        'No symbols found matching "Color" of kind "function".',
        "an enum is no function",
    ),
    ("findSymbol", '{"query": "Shape", "kind": "interface"}'): (
        "Found 1 symbol(s):\n[interface] Shape - src/math.ts:10:18",
        TWICE,
    ),
    ("getDiagnostics", '{"path": "src/app.tsx", "severity": "error"}'): (
        NOT_INSTALLED,
        "a package that is not installed was told four times; Promise is there",
    ),
    ("getDiagnostics", '{"path": "empty.txt"}'): (
        NO_SERVER,
        "the file is there",
    ),
}


async def test_the_tools_answer_as_before(tmp_path: Path) -> None:
    files = {file["path"]: file.get("content", "") for file in GOLDEN["files"]}
    files = {path: text for path, text in files.items() if path != "src"}
    used: set[tuple[str, str]] = set()
    async with bench(tmp_path, files) as lsp:
        for case in GOLDEN["results"]:
            arguments: dict[str, Any] = case["args"]
            key = (case["tool"], json.dumps(arguments))
            expected: str = case["result"]
            if key in DIFFERENT:
                used.add(key)
                assert DIFFERENT[key][0] != expected
                expected = DIFFERENT[key][0]
            output = await lsp.run(case["tool"], **arguments)
            assert output.text == expected, key
    assert used == set(DIFFERENT)
