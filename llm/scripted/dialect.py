"""What a wire protocol has to provide so that the script can be played over it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from llm.scripted import asked
from llm.scripted.scenario import Scenario, StopWord

JsonObject = dict[str, Any]  # a JSON object off the wire, not checked yet


class Rejected(Exception):
    """The request is answered by an HTTP error in the shape of the real API."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.param = param
        self.code = code


@dataclass(frozen=True)
class Block:
    """One part of an answer; for a call, `text` is the JSON of its arguments."""

    kind: Literal["thinking", "text", "call"]
    text: str
    call_id: str = ""
    name: str = ""


@dataclass(frozen=True)
class Counted:
    """Tokens of one answer; `input_tokens` leaves out what the cache read or wrote."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int


@dataclass(frozen=True)
class Ending:
    """How an answer ends."""

    stop: StopWord
    counted: Counted


class Wire(Protocol):
    """Encodes one answer; each method gives the bytes of the events, which may be none."""

    def opening(self) -> bytes:
        """The first event."""
        ...

    def block_start(self, index: int, block: Block) -> bytes:
        """A part begins; a call's id and name are known now."""
        ...

    def piece(self, index: int, block: Block, text: str) -> bytes:
        """The next characters of the part."""
        ...

    def block_end(self, index: int, block: Block) -> bytes:
        """The part is over, or was cut here."""
        ...

    def closing(self) -> bytes:
        """The last events: why it ends, usage, end mark."""
        ...

    def ping(self) -> bytes:
        """A sign of life that carries nothing."""
        ...

    def error(self, kind: str, message: str) -> bytes:
        """An error in the middle of the stream."""
        ...

    def whole(self, blocks: list[Block]) -> JsonObject:
        """The same answer as one JSON object."""
        ...


class Dialect(Protocol):
    """A provider's protocol."""

    @property
    def name(self) -> asked.Protocol:
        """Which one."""
        ...

    def check_headers(self, headers: Mapping[str, str], scenario: Scenario) -> None:
        """Refuse a request without a key, as the real API does.

        Raises:
            Rejected: no key, a key that is not accepted, or a wrong version header.
        """
        ...

    def read(self, body: object, *, headers: Mapping[str, str], scenario: Scenario) -> asked.Asked:
        """Validate the request as the real API does.

        Raises:
            Rejected: with the status and the text of the real API.
        """
        ...

    def count(self, body: JsonObject, output_chars: int) -> Counted:
        """Count tokens and use the prompt cache; about four characters are a token."""
        ...

    def wire(self, asked: asked.Asked, ending: Ending, body: JsonObject) -> Wire:
        """An encoder for one answer."""
        ...

    def new_call_id(self) -> str:
        """A fresh id of a tool call, in the provider's form."""
        ...

    def error_body(self, rejected: Rejected) -> JsonObject:
        """The body of an HTTP error."""
        ...

    def status_kind(self, status: int) -> tuple[str, str]:
        """The error type and the usual text of an HTTP status."""
        ...


CHARS_PER_TOKEN = 4


def tokens(chars: int) -> int:
    """About how many tokens so many characters are."""
    return (chars + CHARS_PER_TOKEN - 1) // CHARS_PER_TOKEN
