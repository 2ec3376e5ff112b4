"""How long the search tools take: `python -m bench.tools_search`, the last line is one JSON object.

They work on two packages of the npm registry, side by side in one folder: about 7,600 files. The
figures are whole calls of the tools, as a run makes them; `rg` is run bare, on the same files.
"""

import asyncio
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from bench.figures import say, say_figures, say_machine, say_rounds
from tools.place import Place, Provided
from tools.registry import Toolbox
from tools.search import SEARCH_TOOLS
from tools.search.programs import RIPGREP, path_of
from tools.search.relevance.client import RelevanceIndex
from tools.workspace.disk import DiskWorkspace

PACKAGES = ("rxjs@7.8.2", "date-fns@4.1.0")
ROUNDS = 15
PATTERNS = (
    ("many matches", r"subscri\w+"),
    ("some matches", r"\bretryWhen\b"),
    ("one word that is nowhere", "zzzyyyxxx"),
)
CODE = "rxjs*/**/{src,dist/cjs}/**/*.{ts,js}"
QUESTIONS = (
    "retry with a delay when the source errors",
    "parse ISO dates with a time zone",
    "buffer values until a notifier emits",
    "difference in business days",
    "animation frame scheduler",
)


async def measure() -> dict[str, float]:
    """The figures of the search tools.

    - `tools.search_ratio_vs_rg`: searchFiles, the whole call, by bare `rg` on the same pattern and
      files; the worst of three patterns, medians of 15 calls.
    - `tools.glob_ms`: findFilesByPattern over some 7,600 files.
    - `tools.ast_search_ms`: searchCodebase for one structural pattern over the sources of rxjs,
      asked before.
    - `tools.relevant_first_ms`, `tools.relevant_ms`: getRelevantFiles in a project of 2,300 files,
      the first question and the median of 75 more.
    """
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        folder = Path(temporary) / "files"
        await asyncio.to_thread(fetch, folder)
        count = sum(path.is_file() for path in folder.rglob("*"))
        say(f"{', '.join(PACKAGES)} of the npm registry, {count:,} files")
        async with RelevanceIndex() as index:
            place = Place(DiskWorkspace(folder), folder=folder, need=Provided(index))
            return {
                "tools.search_ratio_vs_rg": await _ratio(place, folder),
                "tools.glob_ms": await _rounds(
                    "findFilesByPattern", place, "findFilesByPattern", pattern="**/*.{ts,tsx}"
                ),
                "tools.ast_search_ms": await _ast(place),
                **await _relevant(_package(folder, index)),
            }


def _package(folder: Path, index: RelevanceIndex) -> Place:
    """The first package alone: a project of some 2,300 files."""
    [package] = folder.glob("rxjs-*")
    return Place(DiskWorkspace(package), folder=package, need=Provided(index))


async def _ratio(place: Place, folder: Path) -> float:
    ratios: list[float] = []
    for name, pattern in PATTERNS:
        ours: list[float] = []
        bare: list[float] = []
        for _ in range(ROUNDS):
            bare.append(await asyncio.to_thread(_bare, folder, pattern))
            ours.append((await _call(place, "searchFiles", pattern=pattern))[0])
        ratio = median(ours) / median(bare)
        say(f"  {name}: searchFiles {median(ours):.1f} ms, rg {median(bare):.1f} ms: {ratio:.2f}")
        ratios.append(ratio)
    return max(ratios)


def _bare(folder: Path, pattern: str) -> float:
    began = perf_counter()
    subprocess.run(  # noqa: S603 - our own program
        [path_of(RIPGREP), "--line-number", "--ignore-case", pattern, "."],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return (perf_counter() - began) * 1000


async def _ast(place: Place) -> float:
    _, files = await _call(place, "findFilesByPattern", pattern=CODE)
    say(f"  structural search over {CODE}: {files.splitlines()[0]}")
    return await _rounds(
        "searchCodebase", place, "searchCodebase", pattern="$A.subscribe($$$B)", filePattern=CODE
    )


async def _relevant(place: Place) -> dict[str, float]:
    first, _ = await _call(place, "getRelevantFiles", query=QUESTIONS[0])
    while "not indexed yet" in (await _call(place, "getRelevantFiles", query=QUESTIONS[0]))[1]:
        pass
    took = [
        (await _call(place, "getRelevantFiles", query=question))[0]
        for _ in range(ROUNDS)
        for question in QUESTIONS
    ]
    say(f"  getRelevantFiles: first answer {first:.0f} ms, then {median(took):.1f} ms")
    return {"tools.relevant_first_ms": first, "tools.relevant_ms": median(took)}


async def _rounds(name: str, place: Place, tool: str, **arguments: Any) -> float:
    await _call(place, tool, **arguments)
    took = [(await _call(place, tool, **arguments))[0] for _ in range(ROUNDS)]
    return say_rounds(name, took, "ms")


async def _call(place: Place, tool: str, **arguments: Any) -> tuple[float, str]:
    began = perf_counter()
    output = await Toolbox(SEARCH_TOOLS).run(tool, arguments, place)
    took = (perf_counter() - began) * 1000
    if output.is_error:
        raise RuntimeError(output.text)
    return took, output.text


def fetch(folder: Path) -> None:
    """The packages, each in a folder of its own."""
    folder.mkdir(parents=True)
    for package in PACKAGES:
        subprocess.run(  # noqa: S603 - our own npm
            [sys.executable, "-m", "core.node", "npm", "pack", "--silent", package],
            cwd=folder,
            capture_output=True,
            check=True,
        )
    for archive in folder.glob("*.tgz"):
        with tarfile.open(archive) as packed:
            packed.extractall(folder / archive.stem, filter="data")
        archive.unlink()


def main() -> None:
    """Measure and say."""
    say_machine()
    say_figures(asyncio.run(measure()))


if __name__ == "__main__":
    main()
