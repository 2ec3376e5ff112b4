"""What the sandbox costs a command, and how soon a whole tree is dead after a cancel."""

import asyncio
import tempfile
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter

import psutil

from bench.figures import percentile, say, say_figures, say_machine
from tools.sandbox.port import Confined
from tools.sandbox.sandbox import Sandbox

PAIRS = 150
TREES = 40
ALIVE_S = 30.0


async def main() -> None:
    """Run it alone."""
    say_machine()
    say_figures(await figures())


async def figures() -> dict[str, float]:
    """`tools.sandbox_overhead_p50_ms` and `tools.process_tree_dead_p95_ms`.

    - `sandbox_overhead_p50_ms`: what `true` takes more inside the sandbox than outside, start to
      receipt; the difference of the medians of 150 pairs.
    - `process_tree_dead_p95_ms`: from a cancel until no process of a command is there that ignores
      signals, and one of whose children has left its session; over 40 of them.
    """
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        async with Sandbox() as sandbox:
            say(f"sandbox: {sandbox.kind}")
            folder = Path(temporary)
            return {
                "tools.sandbox_overhead_p50_ms": await _overhead_ms(sandbox, folder),
                "tools.process_tree_dead_p95_ms": await _dead_ms(sandbox, folder),
            }


async def _overhead_ms(sandbox: Sandbox, folder: Path) -> float:
    """`true` inside, start to receipt, against `true` outside, in turn."""
    inside: list[float] = []
    outside: list[float] = []
    confined = Confined(("true",), folder)
    for _ in range(PAIRS):
        began_s = perf_counter()
        await _bare()
        outside.append((perf_counter() - began_s) * 1000)
        began_s = perf_counter()
        finished = await sandbox.run(confined)
        inside.append((perf_counter() - began_s) * 1000)
        assert finished.receipt.code == 0  # noqa: S101 - a figure of what failed is none
    overhead_ms = median(inside) - median(outside)
    say(
        f"  true, {PAIRS} times: {median(outside):.1f} ms outside, {median(inside):.1f} ms inside "
        f"(p95 {percentile(inside, 95):.1f} ms), overhead {overhead_ms:.1f} ms"
    )
    return overhead_ms


async def _bare() -> None:
    process = await asyncio.create_subprocess_exec(
        "true", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    await process.communicate()


async def _dead_ms(sandbox: Sandbox, folder: Path) -> float:
    """From a cancel until no process of the tree is there, one of which has left its session."""
    took: list[float] = []
    for number in range(TREES):
        mark = f"3{number:03}.{int(monotonic() * 1000)}"
        script = f"trap '' TERM INT HUP; setsid sleep {mark} & sleep {mark} & wait"
        running = asyncio.get_running_loop().create_task(
            sandbox.run(Confined(("sh", "-c", script), folder))
        )
        async with asyncio.timeout(ALIVE_S):
            while len(tree := _with(mark)) < 3:  # noqa: ASYNC110, PLR2004 - two sleeps and the shell
                await asyncio.sleep(0.01)
        began_s = perf_counter()
        running.cancel()
        await asyncio.wait([running])
        while any(process.is_running() for process in tree):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)
        took.append((perf_counter() - began_s) * 1000)
        assert not _with(mark)  # noqa: S101 - as above
    p95_ms = percentile(took, 95)
    say(f"  {TREES} trees with a setsid child dead: {median(took):.1f} ms, p95 {p95_ms:.1f} ms")
    return p95_ms


def _with(mark: str) -> list[psutil.Process]:
    """The processes inside that have the mark on their command line."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "name"])
        if process.info["name"] in {"sh", "sleep", "dash"}
        and any(mark in word for word in process.info["cmdline"] or ())
    ]


if __name__ == "__main__":
    asyncio.run(main())
