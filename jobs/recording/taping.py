"""Recording a run: what stands between it and its model, its steps and its person, and listens."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from pydantic import TypeAdapter

from agent.durable import Child, Durable
from agent.person import Consent, Grants, MoreMeans, Person, Question, Request, RequestId, Standing
from agent.transcript import Condensed, Loaded, RecordedTurn, Steer, Transcript, Work
from core.ids import ToolCallId
from engine.results import as_stored, result_adapter
from jobs.recording.lines import (
    HISTORIES,
    Answering,
    Asked,
    Called,
    Came,
    Change,
    Content,
    Failed,
    Files,
    Granted,
    Installed,
    Over,
    Previewed,
    Said,
    Step,
    Stood,
    Told,
)
from jobs.recording.tape import MIB, Tape
from llm.catalog import ModelFacts
from llm.model import ToolCall
from llm.wire import Response, Sent
from store.records import DeletedFile, FileEdit, NewFolder, RenamedFile, WrittenFile
from tools.approvals import installed
from tools.output import Part, ToolOutput
from tools.place import Place, Seen, Touches
from tools.workspace.port import Workspace

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

FILES_BYTES = 16 * MIB  # of a project, of which no file has more than the next
FILE_BYTES = MIB
ABOUT: TypeAdapter[Question | Consent | MoreMeans] = TypeAdapter(Question | Consent | MoreMeans)
_ANY: TypeAdapter[Any] = TypeAdapter(Any)
_HEADERS = ("content-type", "retry-after", "retry-after-ms")


class TapedWire:
    """Records requests to the model and what comes back."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._last: Mapping[str, Any] = {}

    def through(
        self, sent: Sent, send: Callable[[], AbstractAsyncContextManager[Response]]
    ) -> AbstractAsyncContextManager[Response]:
        """See `llm.wire.Wire`."""
        return self._through(sent, send)

    @asynccontextmanager
    async def _through(
        self, sent: Sent, send: Callable[[], AbstractAsyncContextManager[Response]]
    ) -> AsyncGenerator[Response]:
        before, self._last = self._last, sent.body
        self._tape.add(lambda: _asked(sent, before))
        await self._tape.flush()
        taped: _TapedResponse | None = None
        how: Any = "broken"
        try:
            async with send() as opened:
                headers = _headers(opened.headers, sent.provider.wait_headers)
                self._tape.add(Answering(opened.status_code, headers))
                taped = _TapedResponse(opened, self._tape)
                how = "dropped"
                yield taped
        except Exception as error:
            how = "broken"
            if (refused := _refused(error, sent.provider.wait_headers)) is not None:
                self._tape.add(refused)
                how = "whole"
            raise
        finally:
            self._tape.add(Over("whole" if taped is not None and taped.is_whole else how))
            await self._tape.flush()


class _TapedResponse:
    """A response, each chunk of which is recorded as it is read."""

    def __init__(self, response: Response, tape: Tape) -> None:
        self._response = response
        self._tape = tape
        self.is_whole = False
        self.status_code = response.status_code
        self.headers = response.headers

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        async for chunk in self._response.iter_bytes():
            self._tape.add(Came((chunk.decode("latin-1"),)), chars=len(chunk))
            yield chunk
            await self._tape.flush_some()
        self.is_whole = True


def _asked(sent: Sent, before: Mapping[str, Any]) -> Asked:
    """The request, without what it shares with the one before it."""
    body = dict(sent.body)
    same = tuple(name for name in body if name in before and body[name] == before[name])
    kept = 0
    said = next((name for name in HISTORIES if name in body), "")
    if said and said not in same:
        for now, then in zip(body[said], before.get(said, ()), strict=False):
            if now != then:
                break
            kept += 1
        body[said] = body[said][kept:]
    return Asked(
        model=sent.model,
        provider=sent.provider.name,
        host=urlsplit(sent.provider.base_url).hostname or "",
        facts=ModelFacts.model_validate(sent.facts),
        body={name: value for name, value in body.items() if name not in same},
        same=same,
        messages_kept=kept,
    )


class _StatusError(Protocol):
    status_code: int
    body: object | None

    @property
    def response(self) -> Any: ...


def _refused(error: Exception, wait_headers: Sequence[str]) -> Answering | None:
    """What an SDK's exception says of an HTTP error; None for one that is about something else."""
    if not hasattr(error, "status_code") or not hasattr(error, "response"):
        return None
    said = cast("_StatusError", error)
    headers = _headers(said.response.headers, wait_headers)
    return Answering(said.status_code, headers, body=said.body)


def _headers(headers: Mapping[str, str], more: Sequence[str]) -> dict[str, str]:
    """Those that matter to what follows; others may hold ids of accounts."""
    return {name: headers[name] for name in (*_HEADERS, *more) if name in headers}


class TapedSteps:
    """Steps, whose results and failed tries are recorded."""

    def __init__(self, steps: Durable, tape: Tape) -> None:
        self._steps = steps
        self._tape = tape

    async def run(self, key: str, fn: Callable[[], Awaitable[T]], /) -> T:
        """As `Durable.run`."""
        result = await self._steps.run(key, _Tried(key, fn, self._tape))
        adapter = result_adapter(fn)
        self._tape.add(lambda: Step(key, as_stored(adapter, result, by_alias=False)))
        return result

    async def sleep_until(self, key: str, at: datetime, /) -> None:
        """As `Durable.sleep_until`."""
        await self._steps.sleep_until(key, at)

    async def wait_for_signal(
        self,
        key: str,
        signal: str,
        /,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - durable: it survives this process
    ) -> Any:
        """As `Durable.wait_for_signal`."""
        return self._came(key, await self._steps.wait_for_signal(key, signal, timeout=timeout))

    async def wait_for_event(
        self,
        key: str,
        event: str,
        /,
        *,
        match: str | None = None,
        when: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - durable: it survives this process
    ) -> Any:
        """As `Durable.wait_for_event`."""
        found = await self._steps.wait_for_event(
            key, event, match=match, when=when, timeout=timeout
        )
        return self._came(key, found)

    async def invoke(self, key: str, child: Child[R], data: Mapping[str, Any], /) -> R:
        """As `Durable.invoke`."""
        result = await self._steps.invoke(key, child, data)
        self._tape.add(lambda: Step(key, child.result.dump_python(result, mode="json")))
        return result

    def _came(self, key: str, found: Any) -> Any:
        self._tape.add(lambda: Step(key, _ANY.dump_python(found, mode="json", fallback=_fields)))
        return found


def _fields(value: object) -> Any:
    """An event as it came, whatever class the engine has for it."""
    return vars(value) if hasattr(value, "__dict__") else str(value)


class _Tried(Generic[T]):
    """The function of a step; the engine reads its return type through `func`."""

    def __init__(self, key: str, fn: Callable[[], Awaitable[T]], tape: Tape) -> None:
        self.func = fn
        self._key = key
        self._tape = tape

    async def __call__(self) -> T:
        try:
            return await self.func()
        except Exception as error:
            self._tape.add(Failed(self._key, type(error).__name__))
            raise
        finally:
            await self._tape.flush()


class TapedPerson:
    """A person, whose answers are recorded."""

    def __init__(self, person: Person, tape: Tape) -> None:
        self._person = person
        self._tape = tape

    async def ask(self, request: Request) -> Standing:
        """As `Person.ask`."""
        standing = await self._person.ask(request)
        about = ABOUT.dump_python(request.about, mode="json")
        self._tape.add(Stood("ask", request.call_id, standing, about))
        return standing

    async def settle(self, request_id: RequestId) -> Standing:
        """As `Person.settle`."""
        standing = await self._person.settle(request_id)
        self._tape.add(Stood("settle", request_id, standing))
        return standing

    async def grants(self) -> Grants:
        """As `Person.grants`."""
        grants = await self._person.grants()
        self._tape.add(Granted(grants))
        return grants


PulledFiles = Callable[[], Awaitable[Workspace]]
"""The project's files as the store has them."""

Edits = Callable[[ToolCallId], Sequence[FileEdit]]
"""What a call has changed, as the store has kept it."""


class TapedTranscript:
    """A transcript; what is read from it and what calls come to is recorded.

    Args:
        files: the project's files, read before the first turn.
        edits: see there.
    """

    def __init__(
        self, transcript: Transcript, tape: Tape, *, files: PulledFiles, edits: Edits
    ) -> None:
        self._transcript = transcript
        self._tape = tape
        self._files: PulledFiles | None = files
        self._edits = edits
        self._said: tuple[Steer, ...] = ()
        self._waits = 0

    async def load(self, *, whole_chars: int) -> Loaded:
        """As `Transcript.load`."""
        loaded = await self._transcript.load(whole_chars=whole_chars)
        if self._files is not None:
            files, self._files = self._files, None
            if not loaded.turns:
                await self._add_files(files)
        self._said = self._transcript.steers()
        self._tape.add(Told(loaded, self._said))
        return loaded

    async def _add_files(self, files: PulledFiles) -> None:
        try:
            self._tape.add(await files_of(await files()))
        except Exception:  # a rim: a recording is never in the way of its run
            log.exception("recording_without_files")

    async def append_turn(self, recorded: RecordedTurn) -> None:
        """As `Transcript.append_turn`."""
        await self._transcript.append_turn(recorded)
        self._hear(f"turn-{recorded.number}")

    def steers(self) -> tuple[Steer, ...]:
        """As `Transcript.steers`."""
        return self._transcript.steers()

    def _hear(self, after: str) -> None:
        if self.steers() != self._said:
            self._said = self.steers()
            self._tape.add(Said(after, self._said))

    async def append_condensed(self, condensed: Condensed) -> None:
        """As `Transcript.append_condensed`."""
        await self._transcript.append_condensed(condensed)

    async def wait_until(self, until: datetime | None) -> None:
        """As `Transcript.wait_until`."""
        await self._transcript.wait_until(until)
        self._waits += 1
        self._hear(f"wait-{self._waits}")

    async def rehearse(self, work: Work, *, seen: Seen) -> tuple[Part, ...]:
        """As `Transcript.rehearse`."""
        parts = await self._transcript.rehearse(work, seen=seen)
        self._tape.add(Previewed(parts))
        return parts

    async def folder(self) -> Path | None:
        """As `Transcript.folder`."""
        folder = await self._transcript.folder()
        if folder is not None:
            self._tape.add(Installed(await asyncio.to_thread(installed, folder)))
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
        """As `Transcript.start_call`."""
        return await self._transcript.start_call(
            number, call, touches=touches, seen=seen, given=given
        )

    def drop_call(self, call: ToolCall) -> None:
        """As `Transcript.drop_call`."""
        self._transcript.drop_call(call)

    async def finish_call(self, number: int, call: ToolCall, output: ToolOutput) -> ToolOutput:
        """As `Transcript.finish_call`."""
        kept = await self._transcript.finish_call(number, call, output)
        changes = tuple(_change(edit) for edit in self._edits(call.call_id))
        self._tape.add(Called(number, call.call_id, output, kept, changes))
        self._hear(f"call-{number}-{call.call_id}")
        return kept


async def files_of(workspace: Workspace) -> Files:
    """The files of a project, as many as a recording takes."""
    files: dict[str, Content] = {}
    left_out: list[str] = []
    room = FILES_BYTES
    for entry in await workspace.walk():
        if entry.kind != "file":
            continue
        if entry.size_bytes > min(FILE_BYTES, room):
            left_out.append(entry.path)
            continue
        room -= entry.size_bytes
        files[entry.path] = Content.of(await workspace.read(entry.path))
    return Files(files, tuple(left_out))


def _change(edit: FileEdit) -> Change:
    match edit:
        case WrittenFile():
            return Change(edit.path, "written", Content.of(edit.data))
        case DeletedFile():
            return Change(edit.path, "deleted")
        case RenamedFile():
            return Change(edit.path, "moved", new_path=edit.new_path)
        case NewFolder():
            return Change(edit.path, "folder")
