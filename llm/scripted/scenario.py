"""Scenario files: which answer goes to which request. The format: docs/model-server.md."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from core.errors import Refused
from core.invalid import problem_text

StopWord = Literal["end", "tool_calls", "max_tokens", "refusal", "context_full"]


class InvalidScenario(Refused):
    """The scenario is not JSON, or not in the format; the text names each field that is wrong."""

    code = "invalid_scenario"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Status(_Part):
    """The request is answered by an HTTP error and no stream."""

    kind: Literal["status"]
    status: Annotated[int, Field(ge=400, le=599)]
    message: str | None = None
    retry_after_s: Annotated[float | None, Field(ge=0)] = None


class ErrorEvent(_Part):
    """The stream carries an error event after `after_chars` characters."""

    kind: Literal["error_event"]
    error: str = "overloaded_error"
    message: str = "Overloaded"
    after_chars: Annotated[int, Field(ge=0)] = 0


class Drop(_Part):
    """The socket closes after `after_chars` characters; None: before the response."""

    kind: Literal["drop"]
    after_chars: Annotated[int | None, Field(ge=0)] = 0


class EarlyEnd(_Part):
    """The response ends after `after_chars` characters, without the protocol's last event."""

    kind: Literal["early_end"]
    after_chars: Annotated[int, Field(ge=0)] = 0


class Hang(_Part):
    """Nothing comes after `after_chars` characters; None: not even the headers."""

    kind: Literal["hang"]
    after_chars: Annotated[int | None, Field(ge=0)] = 0
    pings: bool = False


Fault = Annotated[Status | ErrorEvent | Drop | EarlyEnd | Hang, Field(discriminator="kind")]


class Pace(_Part):
    """How fast the characters come. Text of one delta is `chunk_chars` long.

    `chars_per_s` spreads the deltas evenly; `delay_s` waits that long before each delta instead.
    `split_bytes` cuts the byte stream into writes of that size, in the middle of characters too.
    """

    first_delay_s: Annotated[float, Field(ge=0)] = 0.0
    chunk_chars: Annotated[int, Field(ge=1)] = 24
    delay_s: Annotated[float, Field(ge=0)] = 0.0
    chars_per_s: Annotated[float | None, Field(gt=0)] = None
    split_bytes: Annotated[int | None, Field(ge=1)] = None

    @property
    def chunk_delay_s(self) -> float:
        """Seconds before each delta."""
        return self.chunk_chars / self.chars_per_s if self.chars_per_s else self.delay_s


class Call(_Part):
    """A tool call; strings in `arguments` may hold templates, `raw` stands in their place."""

    name: Annotated[str, Field(min_length=1)]
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any])
    raw: str | None = None


class UsageSaid(_Part):
    """What the reply claims to have used, in place of the count that the server makes."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None


class Reply(_Part):
    """One answer: thinking, then text, then tool calls; or a fault on the way."""

    thinking: str = ""
    text: str = ""
    repeat: Annotated[int, Field(ge=1, le=100_000)] = 1
    tool_calls: tuple[Call, ...] = ()
    stop: StopWord | None = None
    cut_after_chars: Annotated[int | None, Field(ge=0)] = None
    pace: Pace | None = None
    usage: UsageSaid = UsageSaid()
    fault: Fault | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.thinking or self.text or self.tool_calls or self.fault or self.stop):
            raise ValueError("a reply needs text, thinking, tool_calls, stop or a fault")
        return self

    @property
    def stop_word(self) -> StopWord:
        """Why the answer ends: as said, else what follows from its content."""
        if self.stop is not None:
            return self.stop
        if self.cut_after_chars is not None:
            return "max_tokens"
        return "tool_calls" if self.tool_calls else "end"


class When(_Part):
    """All conditions that are given must hold; none given: always.

    `user_contains` and `user_matches` look at the last message text of the user. `tool_results`,
    `result_contains` and `result_is_error` look at the results that came after that text.
    """

    user_contains: str | None = None
    user_matches: str | None = None
    system_contains: str | None = None
    history_contains: str | None = None
    tool_results: Annotated[int | None, Field(ge=0)] = None
    min_tool_results: Annotated[int | None, Field(ge=0)] = None
    result_contains: str | None = None
    result_is_error: bool | None = None
    tool_choice: Literal["auto", "none", "tool"] | None = None
    model_matches: str | None = None
    protocol: Literal["anthropic", "openai", "responses"] | None = None

    @field_validator("user_matches", "model_matches")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"is no regular expression: {error}") from error
        return pattern


class Rule(_Part):
    """The first rule whose `when` holds and whose `times` is not used up answers."""

    name: str = ""
    when: When = When()
    times: Annotated[int | None, Field(ge=1)] = None
    reply: Reply


class Scenario(_Part):
    """The whole script.

    `otherwise` answers what no rule matches; without it that is an error 400 that says so. `pace`
    is for replies that give none. With `keys`, only those API keys are accepted; with `models`,
    only those model names.
    """

    name: str = "scenario"
    rules: tuple[Rule, ...] = ()
    otherwise: Reply | None = None
    pace: Pace = Pace()
    keys: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    context_window: Annotated[int, Field(ge=1)] = 1_000_000


def parse_scenario(text: str | bytes, *, source: str = "scenario") -> Scenario:
    """Read a scenario from JSON.

    Raises:
        InvalidScenario: not JSON, or not in the format.
    """
    try:
        return Scenario.model_validate_json(text)
    except ValidationError as error:
        wrong = problem_text(error, whole="file")
        raise InvalidScenario(f"{source} is not a scenario: {wrong}") from error


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        InvalidScenario: no such file, not JSON, or not in the format.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InvalidScenario(f"cannot read the scenario {path}: {error.strerror}") from error
    return parse_scenario(text, source=str(path))
