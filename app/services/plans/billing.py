"""The port to the operator's billing, and what stands there without one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from core.errors import Refused, Transient
from core.ids import OwnerId
from store.records import Plan


class Feature(StrEnum):
    """What a plan may leave out."""

    PROJECTS = "projects"  # one project more
    IMPORT = "import"  # from GitHub
    EXPORT = "export"  # to GitHub


Page = Literal["checkout", "portal"]


class BillingAway(Transient):
    """The operator's billing did not answer, or not in its shape."""

    code = "billing_away"


class NoBillingHere(Refused):
    """There is nothing to pay, and nobody to pay it to."""

    code = "no_billing"

    def __init__(self) -> None:
        super().__init__("There is no billing here: all that this installation has is allowed")


@dataclass(frozen=True)
class Verdict:
    """Whether the plan allows it, why not, and the plan, where billing says it."""

    allowed: bool
    reason: str | None = None
    plan: Plan | None = None


class Billing(Protocol):
    """What knows who has paid for what."""

    async def ask(self, owner: OwnerId, feature: Feature) -> Verdict:
        """Whether the person may. Raises: BillingAway."""
        ...

    async def page(
        self, owner: OwnerId, page: Page, *, tier: str | None, return_url: str | None
    ) -> str | None:
        """Where the person changes their plan; None: nowhere. Raises: BillingAway."""
        ...


class NoBilling:
    """Everything is allowed, as far as the settings go."""

    async def ask(self, owner: OwnerId, feature: Feature) -> Verdict:  # noqa: ARG002 - the port's
        """It is."""
        return Verdict(allowed=True)

    async def page(
        self,
        owner: OwnerId,  # noqa: ARG002 - the port's, as the next
        page: Page,  # noqa: ARG002
        *,
        tier: str | None,  # noqa: ARG002
        return_url: str | None,  # noqa: ARG002
    ) -> str | None:
        """There is none."""
        return None
