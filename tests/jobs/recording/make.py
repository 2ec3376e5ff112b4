"""`python -m tests.jobs.recording.make [NAME…]`: record the runs of `plays` anew.

Into `tests/recordings`, in a few seconds each: a real store, a real engine and the product's tools,
and a scripted model over its real protocol. To be done when a rehearsal differs because it should.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from app.rehearsing import export, rehearsal_of
from jobs.recording.recording import read_recording
from tests.jobs.recording.plays import PLAYS
from tests.jobs.recording.stage import Play, stage
from tests.support.store import KEY, convex_in

FOLDER = Path(__file__).parents[2] / "recordings"


async def made(name: str, play: Play, *, convex_url: str, folder: Path) -> Path:
    """Play it and write its recording."""
    async with stage(play, convex_url=convex_url, key=KEY, folder=folder) as scene:
        run_id = await play.run(scene)
    path = FOLDER / f"{name}.jsonl.gz"
    export(folder / "recordings", run_id, path)
    return path


async def main(names: list[str]) -> None:
    """Make those, or all of them, and rehearse each once."""
    with tempfile.TemporaryDirectory(prefix="polaris-recordings-") as temporary:
        folder = Path(temporary)
        with convex_in(folder) as url:
            for name in names or PLAYS:
                path = await made(name, PLAYS[name], convex_url=url, folder=folder / name)
                done = await rehearsal_of(read_recording(path))
                size = path.stat().st_size
                sys.stdout.write(f"{name}: {size} bytes, {done.words}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
