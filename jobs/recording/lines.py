"""The lines of a recording: one JSON object each, in the order in which things happened.

A run that went on in another process has lines of both, one after the other: of `begun` the first
counts, and of a step the last.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from agent.definition import Limits
from agent.person import Grants, Standing
from agent.transcript import Loaded, Steer
from core.ids import RunId, ToolCallId
from llm.catalog import ModelFacts
from llm.scrub import masked
from tools.output import Part, ToolOutput

VERSION = 1
HISTORIES = ("messages", "input")  # what the protocols call the conversation in a request


@dataclass(frozen=True)
class Content:
    """What a file holds: `text`, or bytes that are none as base64."""

    text: str | None = None
    base64: str | None = None

    @classmethod
    def of(cls, data: bytes) -> "Content":
        """Of these bytes."""
        try:
            return cls(text=data.decode())
        except UnicodeDecodeError:
            return cls(base64=base64.b64encode(data).decode())

    @property
    def data(self) -> bytes:
        """The bytes."""
        return (
            base64.b64decode(self.base64) if self.base64 is not None else (self.text or "").encode()
        )


@dataclass(frozen=True)
class Begun:
    """The run: its event, and the settings that it goes by.

    `model` names the models in order of preference; `context_window` is that of the first.
    """

    run_id: RunId
    job: str
    at: datetime
    event: Mapping[str, Any]
    model: str
    context_window: int
    limits: Limits
    version: int = VERSION
    line: Literal["begun"] = "begun"


@dataclass(frozen=True)
class Files:
    """The project before the run; those `left_out` are too large, or too much together."""

    files: Mapping[str, Content]
    left_out: tuple[str, ...] = ()
    line: Literal["files"] = "files"


@dataclass(frozen=True)
class Told:
    """The conversation as a process loaded it, and what the person had said for this answer."""

    loaded: Loaded
    steers: tuple[Steer, ...] = ()
    line: Literal["told"] = "told"


@dataclass(frozen=True)
class Said:
    """What the person had said by then, all of it; it became known with the write `after`."""

    after: str
    steers: tuple[Steer, ...]
    line: Literal["said"] = "said"


@dataclass(frozen=True)
class Asked:
    """A request to a model. Of `body` are left out what is in `same` as in the request before.

    `messages_kept`: its messages begin with so many of that request's.
    """

    model: str
    provider: str
    host: str
    facts: ModelFacts
    body: Mapping[str, Any]
    same: tuple[str, ...] = ()
    messages_kept: int = 0
    line: Literal["asked"] = "asked"


@dataclass(frozen=True)
class Answering:
    """The response has begun; with an HTTP error, `body` is what it says."""

    status: int
    headers: Mapping[str, str]
    body: Any = None
    line: Literal["answering"] = "answering"


@dataclass(frozen=True)
class Came:
    """The next bytes of the response as they came, each a character by its number (Latin-1)."""

    chunks: tuple[str, ...]
    line: Literal["came"] = "came"


@dataclass(frozen=True)
class Over:
    """The response is over: `whole`, or `broken` on the way, or `dropped` by us."""

    how: Literal["whole", "broken", "dropped"]
    line: Literal["over"] = "over"


@dataclass(frozen=True)
class Step:
    """A step has this result, as JSON."""

    key: str
    result: Any
    line: Literal["step"] = "step"


@dataclass(frozen=True)
class Failed:
    """A try of a step has failed; `error` is the kind of exception."""

    key: str
    error: str
    line: Literal["failed"] = "failed"


@dataclass(frozen=True)
class Change:
    """A change that a call made to a file: written, deleted, a new folder, or moved."""

    path: str
    kind: Literal["written", "deleted", "moved", "folder"]
    content: Content | None = None
    new_path: str | None = None


@dataclass(frozen=True)
class Called:
    """A call has come to `output`, of which the store keeps `kept`."""

    number: int
    call_id: ToolCallId
    output: ToolOutput
    kept: ToolOutput
    changes: tuple[Change, ...] = ()
    line: Literal["called"] = "called"


@dataclass(frozen=True)
class Previewed:
    """What a call would have changed, for the person to see before it runs."""

    parts: tuple[Part, ...]
    line: Literal["previewed"] = "previewed"


@dataclass(frozen=True)
class Installed:
    """Which programs the project had installed, by their paths, when that was asked."""

    paths: tuple[str, ...]
    line: Literal["installed"] = "installed"


@dataclass(frozen=True)
class Stood:
    """Where a request to the person stood when it was put, or was over.

    `of` is the call that was asked about, or the request; `about` is what was asked, as JSON.
    """

    asked: Literal["ask", "settle"]
    of: str
    standing: Standing
    about: Any = None
    line: Literal["stood"] = "stood"


@dataclass(frozen=True)
class Granted:
    """What the person had allowed by then beyond single calls."""

    grants: Grants
    line: Literal["granted"] = "granted"


@dataclass(frozen=True)
class Ended:
    """The answer has ended by itself: its outcome as JSON."""

    outcome: Mapping[str, Any]
    line: Literal["ended"] = "ended"


@dataclass(frozen=True)
class Full:
    """The recording is as long as it may be: what follows is not in it."""

    limit_bytes: int
    line: Literal["full"] = "full"


Line = Annotated[
    Begun
    | Files
    | Told
    | Said
    | Asked
    | Answering
    | Came
    | Over
    | Step
    | Failed
    | Called
    | Previewed
    | Installed
    | Stood
    | Granted
    | Ended
    | Full,
    Field(discriminator="line"),
]

LINE: TypeAdapter[Line] = TypeAdapter(Line)


def json_of(line: Line, secrets: Sequence[str] = ()) -> Any:
    """The line as JSON, without what is secret."""
    return without_secrets(LINE.dump_python(line, mode="json", exclude_defaults=False), secrets)


def without_secrets(value: Any, secrets: Sequence[str] = ()) -> Any:
    """JSON, masked wherever it holds a text. See `llm.scrub.masked`."""
    match value:
        case str():
            return masked(value, secrets)
        case list():
            return [without_secrets(each, secrets) for each in value]  # pyright: ignore[reportUnknownVariableType]
        case dict():
            return {
                masked(str(key), secrets): without_secrets(each, secrets)  # pyright: ignore[reportUnknownArgumentType]
                for key, each in value.items()  # pyright: ignore[reportUnknownVariableType]
            }
        case _:
            return value
