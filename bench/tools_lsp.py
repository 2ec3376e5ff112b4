"""What language servers take on a real project: `python -m bench.tools_lsp`, one JSON object last.

The project is the source of the package `viem` of the npm registry, with what it depends on
installed: some 1,400 files of TypeScript. The server runs as in the product: in the sandbox, where
there is one. All figures are whole calls of tools.
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from app.tools import in_sandbox
from bench.figures import say, say_figures, say_machine, say_rounds
from tools.files import FILE_TOOLS
from tools.lsp import LSP_TOOLS
from tools.lsp.checking import checked
from tools.lsp.language_servers import LanguageServers, plainly
from tools.place import Place, Provided
from tools.registry import Toolbox
from tools.sandbox.sandbox import Sandbox
from tools.workspace.disk import DiskWorkspace
from tools.workspace.staged import StagedWorkspace

PACKAGE = "viem@2.55.0"
SETTINGS = (
    '{"compilerOptions":{"strict":true,"target":"es2022","lib":["es2022","dom"],"types":[],'
    '"module":"esnext","moduleResolution":"bundler","skipLibCheck":true},"include":["src"]}'
)
COLD_ROUNDS = 5
ROUNDS = 20
FILE = "src/clients/createClient.ts"
EDITED = "src/utils/unit/formatUnits.ts"
EDIT = ("let display = value.toString()", "let display: bigint = value.toString()")
NAME = {"path": EDITED, "line": 0, "symbol": "formatUnits"}  # the line is looked up
CHECKED_WITHIN_S = 15.0  # so that a slow answer is a figure, and not a missing one
TOOLBOX = Toolbox(checked((*FILE_TOOLS, *LSP_TOOLS), within_s=CHECKED_WITHIN_S))


async def figures() -> dict[str, float]:
    """`tools.lsp_first_diagnostics_ms`, `tools.lsp_after_edit_p50_ms` and what is beside them.

    - `lsp_first_diagnostics_ms`: getDiagnostics of one file where no server runs: its start,
      reading the project, and the answer; the median of 5 servers.
    - `lsp_after_edit_p50_ms`: getDiagnostics of a file whose text has just been changed, until it
      names the error that the change made.
    - `lsp_edit_checked_p50_ms`: editFile with the errors that it made, in files that import it as
      well: what the check costs an edit.
    - `references_warm_p50_ms`: getReferences of a function that many files use, asked before.
    """
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        folder = Path(temporary) / "project"
        await asyncio.to_thread(fetch, folder)
        count = sum(1 for _ in (folder / "src").rglob("*.ts"))
        say(f"{PACKAGE} of the npm registry, {count:,} files of TypeScript")
        async with Sandbox() as sandbox:
            say(f"  sandbox: {sandbox.kind}")
            wrap = plainly if sandbox.kind is None else partial(in_sandbox, sandbox)
            cold = [await _cold(folder, wrap) for _ in range(COLD_ROUNDS)]
            async with LanguageServers(wrap=wrap) as servers:
                warm = await _warm(folder, servers)
        first = say_rounds("first diagnostics", cold, "ms")
        return {"tools.lsp_first_diagnostics_ms": first, **warm}


async def _cold(folder: Path, wrap: Any) -> float:
    async with LanguageServers(wrap=wrap) as servers:
        return (await _call(folder, servers, "getDiagnostics", path=FILE))[0]


async def _warm(folder: Path, servers: LanguageServers) -> dict[str, float]:
    await _call(folder, servers, "getDiagnostics", path=EDITED)
    old, new = EDIT
    after: list[float] = []
    checked_ms: list[float] = []
    for number in range(ROUNDS):
        text = await asyncio.to_thread((folder / EDITED).read_text)
        await asyncio.to_thread((folder / EDITED).write_text, f"{text}// {number}\n")
        edit = {"path": EDITED, "oldString": old, "newString": new}
        took, said = await _call(folder, servers, "editFile", **edit)
        _expect("TS2322", said)
        checked_ms.append(took)
        broken = text.replace(old, new)
        await asyncio.to_thread((folder / EDITED).write_text, broken)
        took, said = await _call(folder, servers, "getDiagnostics", path=EDITED)
        _expect("TS2322", said)
        after.append(took)
        await asyncio.to_thread((folder / EDITED).write_text, text)
    lines = (await asyncio.to_thread((folder / EDITED).read_text)).splitlines()
    line = next(n for n, each in enumerate(lines, 1) if "function formatUnits" in each)
    name = {**NAME, "line": line}
    cold, said = await _call(folder, servers, "getReferences", **name)
    references = [(await _call(folder, servers, "getReferences", **name))[0] for _ in range(ROUNDS)]
    say(f"  {said.splitlines()[0]} The first answer took {cold:.0f} ms")
    say(f"  after an edit {median(after):.1f} ms, with its check {median(checked_ms):.1f} ms")
    say(f"  references {median(references):.1f} ms")
    return {
        "tools.lsp_after_edit_p50_ms": median(after),
        "tools.lsp_edit_checked_p50_ms": median(checked_ms),
        "tools.references_warm_p50_ms": median(references),
    }


def _expect(word: str, said: str) -> None:
    if word not in said:
        raise RuntimeError(f"no {word} in: {said}")


async def _call(
    folder: Path, servers: LanguageServers, tool: str, **arguments: Any
) -> tuple[float, str]:
    stage = StagedWorkspace(DiskWorkspace(folder))
    began = perf_counter()
    output = await TOOLBOX.run(tool, arguments, Place(stage, folder=folder, need=Provided(servers)))
    took = (perf_counter() - began) * 1000
    if output.is_error:
        raise RuntimeError(output.text)
    return took, output.text


def fetch(folder: Path) -> None:
    """Install the package from the npm registry; its sources become the project's own."""
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "bench", "private": true}')
    subprocess.run(  # noqa: S603 - our own npm
        [
            *(sys.executable, "-m", "core.node", "npm", "install", "--prefix", str(folder)),
            *("--silent", "--ignore-scripts", "--no-audit", PACKAGE),
        ],
        capture_output=True,
        check=True,
    )
    package = folder / "node_modules" / PACKAGE.partition("@")[0]
    for source in package.rglob("*.ts"):
        if not source.name.endswith(".d.ts"):
            target = folder / "src" / source.relative_to(package)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    shutil.rmtree(package)
    (folder / "tsconfig.json").write_text(SETTINGS)


async def main() -> None:
    """Measure and say."""
    say_machine()
    say_figures(await figures())


if __name__ == "__main__":
    asyncio.run(main())
