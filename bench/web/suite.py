"""`make bench SUITE=web`: what the page weighs, and how it does while an answer streams."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from bench.figures import say
from bench.parts import Parts, measure_parts
from bench.product import UNBOUNDED, scripted, start_dev
from bench.web.crowd import LAST, Crowd, crowd_in
from bench.web.weight import editor_kb, first_load_kb, runs_kb
from core.node import NODE
from llm.scripted.scenario import Pace, Reply, Rule, Scenario, When

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "tests" / "support" / "browser" / "measure.ts"
DRIVER_S = 900.0
AGAINST_BARE = ("tree_5000_mount_ms", "timeline_1000_mount_ms", "messages_10000_mount_ms")
BUILD = (
    (sys.executable, "-m", "core.node", "npx", "vite", "build", "web", "--logLevel", "warn"),
    (sys.executable, "-m", "core.node", "npx", "tsc", "-p", "web", "--noEmit"),
)
PARAGRAPH = (
    "## A part of the answer\n\nThe function `money` in `src/money.ts` **rounds** half to even, "
    "because sums of many rows would grow otherwise:\n\n- first, the cents\n- then, the sign\n\n"
    "```ts\nexport function money(cents: number): string {\n  const sign = cents < 0 ? '-' : '';\n"
    "  return `${sign}${Math.abs(cents) / 100}`;\n}\n```\n\n"
    "| call | gives |\n|---|---|\n| `money(1)` | 0.01 |\n\n"
)
ANSWER_CHARS = 16_000
SCENARIO = Scenario(
    name="web bench",
    rules=(
        Rule(
            when=When(user_contains="a long answer"),
            reply=Reply(
                text=PARAGRAPH,
                repeat=ANSWER_CHARS // len(PARAGRAPH),
                pace=Pace(chunk_chars=24, chars_per_s=1_000.0),
            ),
        ),
        Rule(reply=Reply(text="Yes.")),
    ),
)


async def weight(_: Path) -> Mapping[str, float]:
    """Of the built page, gzipped."""
    figures = {
        "web.first_load_gzip_kb": first_load_kb(),
        "web.editor_chunk_gzip_kb": editor_kb(),
        "web.runs_route_gzip_kb": runs_kb(),
    }
    for name, value in figures.items():
        say(f"  {name}: {value:.1f}")
    return figures


async def build(_: Path) -> Mapping[str, float]:
    """The page and its types, one after the other."""
    began = monotonic()
    for command in BUILD:
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
        if await process.wait():
            raise RuntimeError(f"{' '.join(command[2:])} failed")
    took_s = monotonic() - began
    say(f"  the page and its types: {took_s:.1f} s")
    return {"web.build_s": took_s}


async def page(folder: Path) -> Mapping[str, float]:
    """A person's page in Chromium: an answer of 16 kB of Markdown while they type, big lists.

    The machine is measured in the same run, by rows in a bare page: `…_times_bare` is what a figure
    in milliseconds is against that.
    """
    crowd = await crowd_in(folder)
    async with scripted(SCENARIO, folder) as model:
        child = await start_dev(model, folder, UNBOUNDED)
        try:
            said = await _drive(child.ready["web"], crowd)
        finally:
            await child.stop()
    said |= {
        f"{name.removesuffix('_ms')}_times_bare": said[name] / said["bare_page_ms"]
        for name in AGAINST_BARE
    }
    for name, value in said.items():
        say(f"  {name}: {value:.1f}")
    return {f"web.{name}": value for name, value in said.items()}


async def _drive(address: str, crowd: Crowd) -> dict[str, float]:
    which = {
        "projectId": crowd.project_id,
        "crowded": crowd.crowded,
        "empty": crowd.empty,
        "last": LAST,
    }
    process = await asyncio.create_subprocess_exec(
        NODE, DRIVER, address, json.dumps(which), stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(DRIVER_S):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise RuntimeError("the browser's script failed; what it said stands above")
    return json.loads(out.splitlines()[-1])


PARTS: Parts = {"weight": weight, "build": build, "page": page}


async def main(names: list[str]) -> None:
    """Measure the parts that are named, one after the other; all of them where none is."""
    await measure_parts(PARTS, names)
