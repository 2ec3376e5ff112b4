"""What is said on realtime channels about runs and jobs: its shapes, topics and channels."""

from datetime import datetime
from hashlib import sha256
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from engine import Topic
from engine.middleware import StepKind

ALL_RUNS = "runs"

RunState = Literal["queued", "running", "waiting", "asking", "completed", "failed", "cancelled"]


class News(BaseModel):
    """What is said, as camelCase JSON."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class StepNews(News):
    """A step begins, or has ended; `error_code` is that of what its attempt failed of."""

    step_id: str
    kind: StepKind
    status: Literal["started", "completed", "failed"]
    attempt: int
    error_code: str | None = None


class UsageNews(News):
    """What one request to a model took; `cost_usd` is None where no price is known."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float | None = None


class TurnNews(News):
    """A turn of the model is written: which model, what it took, and the tools that it calls."""

    turn: int
    model: str
    stop_reason: str
    usage: UsageNews
    calls: tuple[str, ...] = ()


class CondensedNews(News):
    """The conversation was summarised, or not; and what that took."""

    is_done: bool
    usage: UsageNews


class StateNews(News):
    """How the run stands.

    `queued`: accepted, to lists only. `waiting`: for a time, at most `until`, or for an event.
    `asking`: for its person, to answer `ask_id`.
    """

    state: RunState
    until: datetime | None = None
    ask_id: str | None = None


class RunNews(StateNews):
    """How one run of a list stands; `about` has the ids of what it works on."""

    run_id: str
    job: str
    about: dict[str, str]


class EventNews(News):
    """An event was accepted; the runs that it has started or joined."""

    event_id: str
    name: str
    run_ids: tuple[str, ...]


class JobNews(News):
    """A job was paused, or resumed."""

    job: str
    is_paused: bool


STEP = Topic("step", StepNews)
TURN = Topic("turn", TurnNews)
CONDENSED = Topic("condensed", CondensedNews)
STATE = Topic("state", StateNews)
RUN = Topic("run", RunNews)
EVENT = Topic("event", EventNews)
JOB = Topic("job", JobNews)


def runs_channel(user_id: str | None) -> str:
    """The channel with the states of a person's runs; None: with those of everybody's."""
    if user_id is None:
        return ALL_RUNS
    return f"{ALL_RUNS}:{sha256(user_id.encode()).hexdigest()[:32]}"  # an id may be of any length
