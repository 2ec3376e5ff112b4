"""The conversation of a run that is rehearsed, and its calls: they come to what they came to."""

import asyncio
from collections.abc import (
    Sequence,
)
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel

from agent.transcript import Loaded, MemoryTranscript, RecordedTurn, Steer, Work
from jobs.answer.plan import StagedPlan
from jobs.recording.lines import Called, without_secrets
from jobs.rehearsal.differences import RecordingOver, need_same
from jobs.rehearsal.going_on import repeat
from jobs.rehearsal.rehearsed import Rehearsal
from llm.model import ToolCall
from tools.output import Part, ToolOutput
from tools.place import Place, Provided, Seen, Touches
from tools.tool import AnyTool
from tools.workspace.memory import MemoryWorkspace
from tools.workspace.paths import confine


@dataclass(frozen=True)
class ThisCall:
    """The call that a tool is run for."""

    called: Called


def rehearsed(tool: AnyTool) -> AnyTool:
    """The tool, which says what it said then and does nothing; it works where nothing was said."""

    async def run(arguments: BaseModel, place: Place) -> ToolOutput:
        try:
            return place.need(ThisCall).called.output
        except LookupError:
            return await tool.run(arguments, place)

    return replace(tool, run=run)


class RehearsedTranscript(MemoryTranscript):
    """The conversation as it was; calls come to what they came to."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        recording = rehearsal.recording
        if recording.told is None:
            raise RecordingOver
        super().__init__(recording.told.loaded.past, workspace=MemoryWorkspace())
        self._rehearsal = rehearsal
        self._told = recording.told.loaded
        self._previews = list(recording.previews)
        self._installed = list(recording.installed)
        self._waits = 0
        self._hear(recording.told.steers)

    async def load(self, *, whole_chars: int) -> Loaded:
        """As `Transcript.load`."""
        now = await super().load(whole_chars=whole_chars)
        condensed = now.condensed or self._told.condensed
        return replace(
            self._told, turns=now.turns, waiting_until=now.waiting_until, condensed=condensed
        )

    def _hear(self, steers: tuple[Steer, ...]) -> None:
        self.said = list(steers)

    def _after(self, what: str) -> None:
        if (said := self._rehearsal.recording.said.get(what)) is not None:
            self._hear(said.steers)

    async def append_turn(self, recorded: RecordedTurn) -> None:
        """As `Transcript.append_turn`."""
        await super().append_turn(recorded)
        self._after(f"turn-{recorded.number}")

    async def wait_until(self, until: datetime | None) -> None:
        """As `Transcript.wait_until`."""
        await super().wait_until(until)
        self._waits += 1
        self._after(f"wait-{self._waits}")

    async def rehearse(self, work: Work, *, seen: Seen) -> tuple[Part, ...]:  # noqa: ARG002 - the port's shape
        """As `Transcript.rehearse`."""
        return self._previews.pop(0).parts if self._previews else ()

    async def folder(self) -> Path | None:
        """As `Transcript.folder`: a folder in which only programs stand."""
        if self._rehearsal.is_live and self._rehearsal.going_on is not None:
            return self._rehearsal.going_on.folder
        if not self._installed:
            return None
        folder = self._rehearsal.scratch / str(len(self._installed))
        await asyncio.to_thread(_install, self._installed.pop(0).paths, folder)
        return folder

    async def start_call(
        self,
        number: int,
        call: ToolCall,
        *,
        touches: Touches,
        seen: Seen,
        given: Sequence[object] = (),
    ) -> Place:
        """As `Transcript.start_call`. Raises: RecordingOver, Differs."""
        place = await super().start_call(number, call, touches=touches, seen=seen)
        if self._rehearsal.is_live and (going_on := self._rehearsal.going_on) is not None:
            need = going_on.need.also(*given, StagedPlan())
            return Place(going_on.files, seen, going_on.folder, need)
        called = self._rehearsal.recording.called.get((number, call.call_id))
        if called is None:
            self._rehearsal.over(f"the call {call.call_id} of turn {number} was not made")
        return replace(place, need=Provided(ThisCall(called)))

    async def finish_call(self, number: int, call: ToolCall, output: ToolOutput) -> ToolOutput:
        """As `Transcript.finish_call`. Raises: Differs."""
        if self._rehearsal.is_live:
            return await super().finish_call(number, call, output)
        called = self._rehearsal.recording.called[number, call.call_id]
        what = f"the output of {call.name} in turn {number}"
        need_same(what, called.output.text, without_secrets(output.text))
        kept = await super().finish_call(number, call, called.kept)
        if self._rehearsal.going_on is not None:
            for change in called.changes:
                await repeat(change, self._rehearsal.going_on.files)
        self._after(f"call-{number}-{call.call_id}")
        return kept


def _install(paths: Sequence[str], folder: Path) -> None:
    """Empty files of these names, below the folder whatever they say."""
    for path in paths:
        found = folder / confine(path)
        found.parent.mkdir(parents=True, exist_ok=True)
        found.touch()
