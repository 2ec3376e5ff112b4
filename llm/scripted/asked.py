"""What a request asks, in one shape for all wire protocols."""

from dataclasses import dataclass
from typing import Literal

Protocol = Literal["anthropic", "openai", "responses"]


@dataclass(frozen=True)
class AskedResult:
    """A tool result in the request."""

    text: str
    is_error: bool


@dataclass(frozen=True)
class Asked:
    """One request to the model.

    `results` are the tool results after the last text of the user, oldest first; `history` is all
    text of the conversation; `input_chars` counts everything that the model reads.
    """

    protocol: Protocol
    model: str
    system: str
    user_text: str
    results: tuple[AskedResult, ...]
    history: str
    tool_choice: Literal["auto", "none", "tool"]
    max_tokens: int | None
    stream: bool
    input_chars: int
