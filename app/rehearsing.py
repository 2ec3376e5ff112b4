"""`polaris rehearse`: today's agents, with models whose answers are recorded."""

import gzip
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from app.models import model_of, rehearsed_model
from app.settings import Settings
from app.tools import AGENT_TOOLS, CHAT_TOOLS, ID_TOOLS, owned_by_worker
from core.clock import SystemClock
from jobs.agents import Agents
from jobs.events import registries_of
from jobs.recording.recording import Recording, read_recording
from jobs.recording.tape import SUFFIX, path_of
from jobs.rehearsal.differences import NotRehearsable
from jobs.rehearsal.going_on import GoingOn, fill
from jobs.rehearsal.rehearsed import Rehearsal
from jobs.rehearsal.rehearsing import Rehearsed, event_of, need_step, rehearse
from jobs.rehearsal.transcript import rehearsed
from llm.closing import freed
from llm.model import Model, ModelEvent, ModelRequest
from llm.providers import PROVIDERS, Provider
from store.gateway import Store
from tools.workspace.disk import DiskWorkspace

PREFIX = "polaris-rehearsal-"


@dataclass(frozen=True)
class Exported:
    """A recording that was written, and how much of its run is in it."""

    path: Path
    turns: int
    calls: int


def export(folder: Path, run_id: str, to: Path | None) -> Exported | None:
    """Write the recording of a run to `to`; None: there is none in the folder.

    Raises: NotARecording, OSError.
    """
    source = path_of(folder, run_id)
    if not source.exists():
        return None
    recording = read_recording(source)
    to = to or Path(f"{source.stem}.jsonl.gz")
    data = recording.data
    to.write_bytes(data if to.suffix == SUFFIX else gzip.compress(data, mtime=0))
    turns = sum(key.startswith("turn-") for key in recording.steps)
    return Exported(to, turns, len(recording.called))


async def rehearsal_of(recording: Recording) -> Rehearsed:
    """Go through a recorded run with today's code. Raises: NotRehearsable."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as scratch:
        rehearsal = Rehearsal(recording, Path(scratch))
        return await rehearse(rehearsal, agents_for(rehearsal))


async def going_on_from(
    recording: Recording, step: str, model: str, settings: Settings
) -> Rehearsed:
    """The same up to that step; then the model goes on, with real tools in a copy of the project.

    Raises:
        NotRehearsable, SettingsInvalid.
        ModelUnavailable, ModelRefused, StreamBroken: as the model does.
    """
    need_step(recording, step)
    live = model_of(settings.model_copy(update={"models": (model,)}))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as temporary:
        folder = Path(temporary) / "project"
        folder.mkdir()
        files = DiskWorkspace(folder)
        await fill(files, recording.files)
        apart = settings.model_copy(update={"data_dir": Path(temporary)})
        async with freed(live), owned_by_worker(apart, SystemClock()) as owned:
            need = owned.also(registries_of(event_of(recording).data))
            going_on = GoingOn(step, live, files, folder, need)
            rehearsal = Rehearsal(recording, Path(temporary) / "scratch", going_on)
            return await rehearse(rehearsal, agents_for(rehearsal))


def agents_for(rehearsal: Rehearsal) -> Agents:
    """Today's agents, with the run's limits; their tools do nothing. Raises: NotRehearsable."""
    recording = rehearsal.recording
    model = model_for(rehearsal)
    chosen = event_of(recording).data.model
    return Agents(
        model,
        [rehearsed(tool) for tool in AGENT_TOOLS],
        recording.begun.limits,
        store=Store("http://rehearsal.invalid", internal_key=""),  # read in steps
        id_tools=[rehearsed(tool) for tool in ID_TOOLS],
        models={} if chosen is None else {chosen: model},
        chat_tools=[rehearsed(tool) for tool in CHAT_TOOLS],
    )


@dataclass(frozen=True)
class AsThen:
    """The models of the run, under their names and with the window of the first of them.

    One that was not asked then is left out: it may have been known to be down. Where the rehearsal
    goes on without the recording, its model answers.
    """

    name: str
    context_window: int
    models: Model
    rehearsal: Rehearsal

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `Model.stream`."""
        model = self.models
        if self.rehearsal.is_live and self.rehearsal.going_on is not None:
            model, request = self.rehearsal.going_on.model, replace(request, wire=None)
        async with aclosing(model.stream(request)) as events:
            async for event in events:
                yield event


def model_for(rehearsal: Rehearsal) -> Model:
    """What the run asked, in the same order of preference. Raises: NotRehearsable."""
    recording = rehearsal.recording
    begun = recording.begun
    first = {each.asked.model: each for each in reversed(recording.exchanges)}
    order = [name for name in begun.model.split(" > ") if name in first]
    if not order:
        raise NotRehearsable("the run had not asked a model yet")
    asked = [first[name].asked for name in order]
    models = rehearsed_model([(_provider(e.provider, e.host), e.model, e.facts) for e in asked])
    return AsThen(begun.model, begun.context_window, models, rehearsal)


def _provider(name: str, host: str) -> Provider:
    found = next((each for each in PROVIDERS if each.name == name), None)
    if found is None:
        raise NotRehearsable(f"the run asked a provider that is not known here: {name!r}")
    return found.at(f"https://{host}")
