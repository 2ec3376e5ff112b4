"""The gate before what a plan may leave out."""

from dataclasses import dataclass

from app.services.plans.billing import Billing, Feature, NoBillingHere, Page
from core.errors import Refused
from core.ids import OwnerId
from store.errors import ProjectLimitReached
from store.plans import Plans
from store.records import PlanUsage


class PlanRequired(Refused):
    """The person's plan does not have this; interfaces look for the first words."""

    code = "plan_required"

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(f"Pro plan required: {reason}" if reason else "Pro plan required")


@dataclass(frozen=True)
class PlanGate:
    """Asks billing, and keeps what it says of the person's plan.

    How many projects there may be is judged where they are made, in the store: by the plan that
    is kept, else by the setting.
    """

    billing: Billing
    plans: Plans

    async def require(self, owner: OwnerId, feature: Feature) -> None:
        """Let it through, or not.

        Raises:
            PlanRequired: the plan does not have it.
            ProjectLimitReached: it has room for no project more.
            BillingAway: nobody can tell.
        """
        verdict = await self.billing.ask(owner, feature)
        if verdict.plan is not None:
            await self.plans.keep(owner, verdict.plan)
        if verdict.allowed:
            return
        if feature is not Feature.PROJECTS:
            raise PlanRequired(verdict.reason)
        usage = await self.plans.usage(owner)
        raise ProjectLimitReached(usage.projects, max(usage.project_limit, 0))

    async def require_project(self, owner: OwnerId) -> PlanUsage:
        """What is used, where one project more may be made. Raises: as `require`."""
        await self.require(owner, Feature.PROJECTS)
        usage = await self.plans.usage(owner)
        if not usage.has_room:
            raise ProjectLimitReached(usage.projects, usage.project_limit)
        return usage

    async def synced(self, owner: OwnerId) -> PlanUsage:
        """The plan as billing says it now. Raises: BillingAway."""
        verdict = await self.billing.ask(owner, Feature.PROJECTS)
        if verdict.plan is not None:
            await self.plans.keep(owner, verdict.plan)
        return await self.plans.usage(owner)

    async def checkout(self, owner: OwnerId, tier: str) -> str | None:
        """Where a plan is bought; None: nowhere. Raises: BillingAway."""
        return await self.billing.page(owner, "checkout", tier=tier, return_url=None)

    async def portal(self, owner: OwnerId, return_url: str | None) -> str:
        """Where a plan is changed. Raises: NoBillingHere, BillingAway."""
        page: Page = "portal"
        url = await self.billing.page(owner, page, tier=None, return_url=return_url)
        if url is None:
            raise NoBillingHere
        return url
