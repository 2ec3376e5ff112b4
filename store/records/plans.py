"""What a person may have by their plan, and how much of it they have."""

from dataclasses import dataclass
from typing import Literal

PlanTier = Literal["free", "pro_monthly", "pro_yearly"]
PlanStatus = Literal["free", "trialing", "active", "paused", "canceled", "past_due"]

UNLIMITED = -1


@dataclass(frozen=True)
class Plan:
    """A plan as the operator's billing says it.

    `project_limit` of -1 is none; None: as the installation says. `trial_ends_at` is in
    milliseconds since 1970.
    """

    tier: PlanTier = "free"
    status: PlanStatus = "free"
    project_limit: int | None = None
    trial_ends_at: int | None = None
    customer_id: str | None = None


@dataclass(frozen=True)
class PlanUsage:
    """How many projects a person has, up to 8,000, and may have; a limit of -1 is none."""

    projects: int
    project_limit: int
    tier: PlanTier
    status: PlanStatus

    @property
    def has_room(self) -> bool:
        """Whether one project more may be made."""
        return self.project_limit == UNLIMITED or self.projects < self.project_limit
