"""What the file tools take on a real repository, and what telling a model of them costs.

`python -m bench.tools_files` prints one JSON object. The repository is the package `effect` of the
npm registry: 2,694 files, one of which has 2,027 lines.
"""

import asyncio
import json
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from bench.figures import percentile
from tools.files import FILE_TOOLS
from tools.place import Place
from tools.registry import Toolbox
from tools.tool import AnyTool
from tools.workspace.disk import DiskWorkspace
from tools.workspace.staged import StagedWorkspace

PACKAGE = "effect@3.10.0"
EDITED = "src/ParseResult.ts"
ROUNDS = 60
MIN_LINE_CHARS = 20  # of a line that is edited
CHARS_PER_TOKEN = 4  # as agent/sizes.py counts


async def figures(root: Path, tools: Iterable[AnyTool] = FILE_TOOLS) -> dict[str, float]:
    """On the files below `root`: medians in milliseconds, and the tokens of `tools` as sent.

    `tools.edit_staged_ms` and its neighbours are calls that stage their change and write it
    nowhere; with the write to the store: `bench.tools_workspace`.
    """
    toolbox = Toolbox(tools)
    wanted = once_in((root / EDITED).read_text(), ROUNDS)

    def edit(line: str) -> dict[str, Any]:
        return {"path": EDITED, "oldString": line, "newString": f"{line} // edited"}

    def patch(line: str) -> dict[str, Any]:
        hunk = f"@@\n-{line}\n+{line} // edited"
        return {"patch": f"*** Begin Patch\n*** Update File: {EDITED}\n{hunk}\n*** End Patch"}

    edits = [await _took(toolbox, root, "editFile", edit(line)) for line in wanted]
    near = [await _took(toolbox, root, "editFile", edit(f"{line} \n")) for line in wanted]
    patches = [await _took(toolbox, root, "applyPatch", patch(line)) for line in wanted]
    new = [
        await _took(toolbox, root, "writeFile", {"path": f"src/new/{n}.ts", "content": "x"})
        for n in range(ROUNDS)
    ]
    trees = [await _took(toolbox, root, "getProjectStructure", {}) for _ in range(5)]
    return {
        "tools.edit_staged_ms": median(edits),
        "tools.edit_staged_p95_ms": percentile(edits, 95),
        "tools.edit_tolerant_ms": median(near),
        "tools.patch_ms": median(patches),
        "tools.write_new_ms": median(new),
        "tools.structure_ms": median(trees),
        "tools.prompt_tokens": prompt_tokens(toolbox),
    }


def once_in(text: str, count: int) -> list[str]:
    """Up to so many of the lines that stand in a text once, from all over it."""
    lines = text.split("\n")
    once = [line for line in lines if len(line) > MIN_LINE_CHARS and lines.count(line) == 1]
    wanted = [once[number * len(once) // count] for number in range(count)]
    return [line for line in wanted if text.count(line) == 1]


def prompt_tokens(toolbox: Toolbox) -> float:
    """The characters of the list as it is sent, as compact JSON, by four."""
    sent = [
        {"name": it.name, "description": it.description, "input_schema": it.input_schema}
        for it in toolbox.descriptions
    ]
    text = json.dumps(sent, separators=(",", ":"), ensure_ascii=False)
    return len(text) / CHARS_PER_TOKEN


async def _took(toolbox: Toolbox, root: Path, tool: str, arguments: dict[str, Any]) -> float:
    """One call on a stage of its own, as in a run; its change is not made on the disk."""
    stage = StagedWorkspace(DiskWorkspace(root))
    start = perf_counter()
    output = await toolbox.run(tool, arguments, Place(stage, folder=root))
    took_ms = 1_000 * (perf_counter() - start)
    if output.is_error:
        raise RuntimeError(output.text)
    return took_ms


async def fetch(folder: Path) -> Path:
    """The files of the package, from the npm registry."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    npm = [sys.executable, "-m", "core.node", "npm", "pack", PACKAGE, "--silent"]
    process = await asyncio.create_subprocess_exec(
        *npm, "--pack-destination", str(folder), stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise RuntimeError(f"npm could not fetch {PACKAGE}")
    await asyncio.to_thread(_unpack, folder)
    return folder / "package"


def _unpack(folder: Path) -> None:
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")


async def main() -> None:
    """Fetch, measure, print."""
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        found = await figures(await fetch(Path(temporary)))
    rounded = {name: round(value, 3) for name, value in found.items()}
    print(json.dumps({"repository": PACKAGE, **rounded}))


if __name__ == "__main__":
    asyncio.run(main())
