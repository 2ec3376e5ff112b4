"""Which runs are recorded, and what of a run is put together for that."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from agent.definition import Agent
from agent.durable import Durable
from agent.outcome import Outcome
from agent.person import Person
from agent.transcript import Transcript
from core.clock import Clock, SystemClock
from core.ids import RunId
from engine import EventData, ReceivedEvent
from jobs.recording.lines import Begun, Ended
from jobs.recording.tape import FOLDER_BYTES, RECORDING_BYTES, Tape, path_of
from jobs.recording.taping import (
    Edits,
    PulledFiles,
    TapedPerson,
    TapedSteps,
    TapedTranscript,
    TapedWire,
)

OUTCOME = TypeAdapter(Outcome)


class Recordings:
    """A folder with a file for each run.

    Args:
        secrets: texts that are masked wherever they stand, as are those that look like keys.
        limit_bytes: of the recording of one run.
        folder_bytes: of all of them; the oldest ones go.
    """

    def __init__(
        self,
        folder: Path,
        *,
        secrets: Sequence[str] = (),
        limit_bytes: int = RECORDING_BYTES,
        folder_bytes: int = FOLDER_BYTES,
        clock: Clock | None = None,
    ) -> None:
        self._folder = folder
        self._secrets = tuple(secrets)
        self._limit_bytes = limit_bytes
        self._folder_bytes = folder_bytes
        self._clock = clock or SystemClock()

    def recorder(self, run_id: RunId) -> "Recorder":
        """What records a run in this process."""
        tape = Tape(
            path_of(self._folder, run_id),
            secrets=self._secrets,
            limit_bytes=self._limit_bytes,
            folder_bytes=self._folder_bytes,
        )
        return Recorder(run_id, tape, self._clock)


class Recorder:
    """Records one run in one process: what it is given back goes on as it would have without."""

    def __init__(self, run_id: RunId, tape: Tape, clock: Clock) -> None:
        self._run_id = run_id
        self._tape = tape
        self._clock = clock

    def steps(self, steps: Durable) -> Durable:
        """The steps of the run."""
        return TapedSteps(steps, self._tape)

    def begins(self, job: str, event: ReceivedEvent[EventData], agent: Agent) -> Agent:
        """The run begins with this agent; the one that it is to use."""
        about: dict[str, Any] = {
            "name": event.name,
            "id": event.id,
            "ts": event.ts.isoformat(),
            "user": dict(event.user or {}),
            "data": event.data.model_dump(mode="json", by_alias=True),
        }
        begun = Begun(
            run_id=self._run_id,
            job=job,
            at=self._clock.now(),
            event=about,
            model=agent.model.name,
            context_window=agent.model.context_window,
            limits=agent.limits,
        )
        self._tape.add(begun)
        return replace(agent, wire=TapedWire(self._tape))

    def transcript(self, transcript: Transcript, *, files: PulledFiles, edits: Edits) -> Transcript:
        """The transcript of its answer."""
        return TapedTranscript(transcript, self._tape, files=files, edits=edits)

    def person(self, person: Person) -> Person:
        """Who is behind it."""
        return TapedPerson(person, self._tape)

    async def ended(self, outcome: Outcome) -> None:
        """Its answer has ended by itself."""
        self._tape.add(Ended(OUTCOME.dump_python(outcome, mode="json")))
        await self._tape.flush()
