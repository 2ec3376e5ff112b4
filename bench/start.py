"""`make bench SUITE=start`: until `polaris dev` is ready, and until a killed one goes on."""

import asyncio
import tempfile
from pathlib import Path
from statistics import median
from time import monotonic

import psutil

from app.demo.client import Api
from bench.figures import say, say_figures, say_machine, say_rounds
from bench.product import scripted, start_dev
from llm.scripted.process import ScriptedModel
from llm.scripted.scenario import Pace, Reply, Rule, Scenario, When

STARTS = 7  # without a data folder, and as many on the one that this made
KILLS = 5
SENTENCE = "A line of the answer, forty chars wide. "

SCENARIO = Scenario(
    name="start bench",
    rules=(
        Rule(
            when=When(user_contains="without end"),
            reply=Reply(text=SENTENCE, repeat=1_000, pace=Pace(chunk_chars=10, chars_per_s=200.0)),
        ),
    ),
)


async def main() -> None:
    """Run the suite."""
    say_machine()
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        folder = Path(temporary)
        async with scripted(SCENARIO, folder) as model:
            figures = await ready(model, folder) | await resume(model, folder / "resume")
    say_figures(figures)


async def ready(model: ScriptedModel, folder: Path) -> dict[str, float]:
    """From the start of the process to its ready line."""
    say(
        f"`polaris dev` with the key of one model → ready line; {STARTS} starts without a data "
        "folder, each followed by one on the folder that it has left"
    )
    cold: list[float] = []
    warm: list[float] = []
    busy: list[float] = []
    for number in range(STARTS):
        place = folder / f"start-{number}"
        await asyncio.to_thread(place.mkdir)
        cold.append((await _start(model, place))[0])
        took_ms, busy_ms = await _start(model, place)
        warm.append(took_ms)
        busy.append(busy_ms)
    cold_ms = say_rounds("no data folder", cold, "ms")
    warm_ms = say_rounds("a data folder", warm, "ms")
    say(f"  processor time of the latter, children included: {median(busy):.0f} ms")
    return {
        "start.dev_ready_ms": cold_ms,
        "start.dev_ready_cold_ms": cold_ms,
        "start.dev_ready_warm_ms": warm_ms,
    }


async def _start(model: ScriptedModel, folder: Path) -> tuple[float, float]:
    """How long a start took, and how long it kept processors busy, in ms."""
    started = monotonic()
    child = await start_dev(model, folder)
    took_ms = (monotonic() - started) * 1000
    try:
        return took_ms, _busy_ms(child.process.pid)
    finally:
        await child.stop()


def _busy_ms(pid: int) -> float:
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(spent.user + spent.system for spent in times) * 1000


async def resume(model: ScriptedModel, folder: Path) -> dict[str, float]:
    """From `kill -9` in the middle of an answer until the model is asked for it again."""
    say(
        "kill -9 of `polaris dev` in the middle of an answer, started again at once on the same "
        f"folder → the model is asked again; {KILLS} kills"
    )
    await asyncio.to_thread(folder.mkdir)
    took = [await _kill(model, folder) for _ in range(KILLS)]
    return {"start.resume_ms": say_rounds("kill → asked again", took, "ms")}


async def _kill(model: ScriptedModel, folder: Path) -> float:
    child = await start_dev(model, folder)
    try:
        async with Api(child.ready["api"], child.ready["token"]) as api:
            project = await api.create_project("bench")
            conversation = await api.create_conversation(project, "resume")
            await model.reset()
            message = await api.post_message(conversation, "Talk without end")
            await model.requests(until="first_byte")
        killed_at = monotonic()
        await child.kill()
        child = await start_dev(model, folder)
        asked_at = await _asked_again(model)  # by the same monotonic clock
        async with Api(child.ready["api"], child.ready["token"]) as api:
            await api.cancel(message)
    finally:
        await child.stop()
    return (asked_at - killed_at) * 1000


async def _asked_again(model: ScriptedModel) -> float:
    """When the second request arrived."""
    requests = await model.requests(until="started", count=2)
    return requests[1]["started_at"]
