"""The port to the person behind a run: questions and approvals, which may take them hours."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NewType, Protocol

from agent.means import Budget
from core.ids import ToolCallId
from tools.approvals import Rule

RequestId = NewType("RequestId", str)

ANSWERED = "ask/answered"
"""The event that a request was answered; its data has the `askId` and the `projectId`."""


@dataclass(frozen=True)
class Question:
    """A question of the model. Without choices it is answered by a text."""

    text: str
    choices: tuple[str, ...] = ()
    allows_text: bool = True


@dataclass(frozen=True)
class Consent:
    """Whether a call may run, and what of it the person has to see.

    `rule` wants it to be asked. `patterns` are what an allowance for always is for: none means the
    tool as a whole; None, that it cannot be given.
    """

    tool: str
    rule: Rule
    command: str | None = None
    paths: tuple[str, ...] = ()
    preview: str = ""
    patterns: tuple[str, ...] | None = None


@dataclass(frozen=True)
class MoreMeans:
    """Whether a run may go on beyond a budget; its `used` is all that was taken of it."""

    budget: Budget


@dataclass(frozen=True)
class Request:
    """What a call of turn `number` asks; nobody waits for the answer after `until`.

    For more of a budget no call asks: `call_id` is an id that no other request of the run has.
    """

    number: int
    call_id: ToolCallId
    about: Question | Consent | MoreMeans
    until: datetime


@dataclass(frozen=True)
class Reply:
    """What the person says: `text` answers a question, or says why they deny or allow.

    With more of a budget they say how much more: of tokens, of dollars, or of both.
    """

    text: str = ""
    is_allowed: bool = False
    more_tokens: int | None = None
    more_usd: float | None = None


@dataclass(frozen=True)
class Standing:
    """Where a request stands; `reply` is there when it was answered."""

    request_id: RequestId
    status: Literal["open", "answered", "expired", "closed"]
    until: datetime
    reply: Reply | None = None


@dataclass(frozen=True)
class Grants:
    """What the person has allowed during the run: more rules, and rules that ask no more."""

    rules: tuple[Rule, ...] = ()
    silenced: frozenset[Rule] = frozenset()


class Person(Protocol):
    """Who is asked. The loop calls it inside durable steps only; all of it is safe to do twice."""

    async def ask(self, request: Request) -> Standing:
        """Put a request, unless this call has put it before; where it stands."""
        ...

    async def settle(self, request_id: RequestId) -> Standing:
        """Where it stands, now that nobody waits any more: one that is open has expired."""
        ...

    async def grants(self) -> Grants:
        """What they have allowed beyond single calls."""
        ...
