"""A recording that was read: what happened in a run, in the order in which it did."""

import gzip
import json
import zlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from agent.person import Grants
from core.errors import Refused
from core.ids import ToolCallId
from jobs.recording.lines import (
    HISTORIES,
    LINE,
    VERSION,
    Answering,
    Asked,
    Begun,
    Called,
    Came,
    Ended,
    Failed,
    Files,
    Full,
    Granted,
    Installed,
    Line,
    Over,
    Previewed,
    Said,
    Step,
    Stood,
    Told,
)

READ_BYTES = 512 * 1024 * 1024  # of a recording; a compressed one may claim to be anything
_GZIP = b"\x1f\x8b"


class NotARecording(Refused):
    """The file is none, or of a version that is not known here; the text says which line."""

    code = "not_a_recording"


@dataclass
class Exchange:
    """A request and what came of it; `how` is None where the process died meanwhile.

    `process` counts the processes that the run has been in.
    """

    asked: Asked
    body: Mapping[str, Any]
    process: int
    answering: Answering | None = None
    chunks: list[bytes] = field(default_factory=list[bytes])
    how: str | None = None


@dataclass
class Recording:
    """See the lines for what each of them means. `data`: the whole file, without compression."""

    begun: Begun
    data: bytes
    files: Files = field(default_factory=lambda: Files({}))
    told: Told | None = None
    exchanges: list[Exchange] = field(default_factory=list[Exchange])
    steps: dict[str, Any] = field(default_factory=dict[str, Any])
    failed: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    called: dict[tuple[int, ToolCallId], Called] = field(
        default_factory=dict[tuple[int, ToolCallId], Called]
    )
    said: dict[str, Said] = field(default_factory=dict[str, Said])
    previews: list[Previewed] = field(default_factory=list[Previewed])
    installed: list[Installed] = field(default_factory=list[Installed])
    stood: dict[tuple[str, str], Stood] = field(default_factory=dict[tuple[str, str], Stood])
    granted: list[Grants] = field(default_factory=list[Grants])
    ended: Ended | None = None
    is_full: bool = False
    processes: int = 0


def read_recording(path: Path) -> Recording:
    """Read a recording, compressed or not. Raises: NotARecording, OSError."""
    data = path.read_bytes()
    if data.startswith(_GZIP):
        try:
            with gzip.open(path) as file:
                data = file.read(READ_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise NotARecording(f"{path} is no whole gzip file: {error}") from error
    if len(data) > READ_BYTES:
        raise NotARecording(f"{path} holds more than {READ_BYTES} bytes")
    return recording_of(data, source=str(path))


def recording_of(data: bytes, *, source: str) -> Recording:
    """Make sense of the lines. Raises: NotARecording."""
    lines: list[Line] = []
    for number, line in enumerate(data.splitlines(), start=1):
        if (found := _line(line, f"line {number} of {source}")) is not None:
            lines.append(found)
    begun = next((line for line in lines if isinstance(line, Begun)), None)
    if begun is None:
        raise NotARecording(f"{source} does not say of which run it is: a recording has a `begun`")
    recording = Recording(begun, data)
    for line in lines:
        _add(recording, line)
    return recording


def _line(data: bytes, where: str) -> Line | None:
    """None for an empty one, and for one in the middle of which a process died."""
    try:
        value: object = json.loads(data)
    except ValueError:
        if data.startswith(b"{") or not data.strip():
            return None
        raise NotARecording(f"{where} is no JSON") from None
    if isinstance(value, dict):
        said = cast("Mapping[str, object]", value)
        if said.get("line") == "begun" and said.get("version") != VERSION:
            raise NotARecording(
                f"{where} is of version {said.get('version')!r}; this Polaris knows {VERSION}"
            )
    try:
        return LINE.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise NotARecording(f"{where} is no line of a recording: {place}: {first['msg']}") from None


def _add(recording: Recording, line: Line) -> None:  # noqa: C901, PLR0912 - one case for each kind
    match line:
        case Begun():
            recording.processes += 1
        case Files():
            recording.files = line
        case Told():
            recording.told = recording.told or line
        case Asked():
            before: Mapping[str, Any] = recording.exchanges[-1].body if recording.exchanges else {}
            recording.exchanges.append(Exchange(line, _body(line, before), recording.processes))
        case Answering():
            _last(recording).answering = line
        case Came():
            _last(recording).chunks += [chunk.encode("latin-1") for chunk in line.chunks]
        case Over():
            _last(recording).how = line.how
        case Step():
            recording.steps[line.key] = line.result
        case Failed():
            recording.failed[line.key].append(line.error)
        case Called():
            recording.called.setdefault((line.number, line.call_id), line)
        case Said():
            recording.said[line.after] = line
        case Previewed():
            recording.previews.append(line)
        case Installed():
            recording.installed.append(line)
        case Stood():
            recording.stood[line.asked, line.of] = line
        case Granted():
            recording.granted.append(line.grants)
        case Ended():
            recording.ended = line
        case Full():
            recording.is_full = True


def _last(recording: Recording) -> Exchange:
    if not recording.exchanges:
        raise NotARecording("an answer stands before the first request")
    return recording.exchanges[-1]


def _body(asked: Asked, before: Mapping[str, Any]) -> dict[str, Any]:
    """The whole body: what was left out is as it was in the request before."""
    try:
        body = {name: before[name] for name in asked.same} | dict(asked.body)
        if asked.messages_kept:
            said = next(name for name in HISTORIES if name in body)
            body[said] = [*before[said][: asked.messages_kept], *body[said]]
    except (KeyError, StopIteration) as error:
        raise NotARecording(f"a request leaves out {error}, which stands nowhere") from None
    return body
