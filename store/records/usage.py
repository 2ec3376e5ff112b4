"""What was used of models, and what it cost."""

from dataclasses import dataclass
from typing import Literal

from core.ids import ProjectId
from core.usage import Usage

UsageGroups = Literal["day", "model", "project"]
"""By what a summary of usage is grouped."""


@dataclass(frozen=True)
class Used:
    """What a number of requests to models took.

    `cost_micros`, millionths of a dollar, is None where no price is known; `unpriced` counts the
    requests that it lacks.
    """

    requests: int
    unpriced: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_micros: int | None = None

    @property
    def usage(self) -> Usage:
        """As one turn would have it."""
        return Usage(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cache_read_tokens=self.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens,
            cost_usd=None if self.cost_micros is None else self.cost_micros / 1_000_000,
        )


@dataclass(frozen=True)
class Bounds:
    """What may be taken of models at most; None is no bound."""

    tokens: int | None = None
    usd: float | None = None


@dataclass(frozen=True)
class Means:
    """All that a conversation and a person's day have taken, and what is set for them."""

    conversation: Used
    day: Used
    conversation_budget: Bounds | None = None
    day_budget: Bounds | None = None


@dataclass(frozen=True)
class UsedBy(Used):
    """The part of a day (YYYY-MM-DD, in UTC), a model or a project: one of them is set.

    `project_name` is None for one that was deleted.
    """

    day: str | None = None
    model: str | None = None
    project_id: ProjectId | None = None
    project_name: str | None = None


@dataclass(frozen=True)
class UsageSummary:
    """Days in order, models and projects by what they cost, the most first."""

    total: Used
    groups: tuple[UsedBy, ...]
