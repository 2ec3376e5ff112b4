"""Billing as front end J asks for it, under the name of the service that it was made with."""

from typing import Annotated, Literal

from pydantic import Field

from app.http.access import AccessDep, api_router
from app.wire.shapes import Answer, Body
from store.records import PlanStatus, PlanTier

router = api_router("front ends")


class Checkout(Body):
    """What is to be bought."""

    tier: Literal["pro_monthly", "pro_yearly"]


class CheckoutAnswer(Answer):
    """Where it is paid; without billing there is no such page."""

    checkout_url: str | None
    status: Literal["no_checkout_url"] | None = None


class Portal(Body):
    """Where the person goes afterwards."""

    return_url: Annotated[str, Field(max_length=2_000)] | None = None


class PortalAnswer(Answer):
    """Where a plan is changed."""

    portal_url: str


class SubscriptionAnswer(Answer):
    """The person's plan; a limit of -1 is none."""

    tier: PlanTier
    status: PlanStatus
    project_limit: int


class SyncedAnswer(Answer):
    """The plan is as billing says it now."""

    synced: Literal[True] = True
    subscription: SubscriptionAnswer


@router.post("/autumn/checkout")
async def checkout(body: Checkout, access: AccessDep) -> CheckoutAnswer:
    """Where a plan is bought: a page of the operator's billing, or null."""
    url = await access.services.plans.checkout(access.caller.owner, body.tier)
    return CheckoutAnswer(checkout_url=url, status=None if url else "no_checkout_url")


@router.post("/autumn/portal")
async def portal(access: AccessDep, body: Portal | None = None) -> PortalAnswer:
    """Where a plan is changed; 400 `no_billing` where there is none."""
    return_url = body.return_url if body is not None else None
    url = await access.services.plans.portal(access.caller.owner, return_url)
    return PortalAnswer(portal_url=url)


@router.post("/autumn/sync")
async def sync(access: AccessDep) -> SyncedAnswer:
    """Ask the operator's billing anew; without one everybody has the plan `free`."""
    usage = await access.services.plans.synced(access.caller.owner)
    return SyncedAnswer(
        subscription=SubscriptionAnswer(
            tier=usage.tier, status=usage.status, project_limit=usage.project_limit
        )
    )
