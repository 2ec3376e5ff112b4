"""The operator's billing behind one URL of theirs: a question, JSON both ways, in bounded time."""

import logging
from http import HTTPStatus
from typing import Annotated, TypeVar

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from app.services.plans import BillingAway, Feature, NoBilling, Page, PlanGate, Verdict
from app.settings import BillingAwayPolicy, Settings
from core.ids import OwnerId
from store.gateway import Store
from store.records import Plan, PlanStatus, PlanTier

log = logging.getLogger(__name__)

ASK_S = 3.0  # a person waits for the answer
MOST_BYTES = 64 * 1024


class _Said(BaseModel):
    """What billing answers; fields that we do not know are let through."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore")


class _SaidPlan(_Said):
    tier: PlanTier = "free"
    status: PlanStatus = "free"
    project_limit: Annotated[int, Field(ge=-1, le=8_000)] | None = None
    trial_ends_at: Annotated[int, Field(ge=0, le=2**53)] | None = None
    customer_id: Annotated[str, Field(max_length=200)] | None = None


class _SaidVerdict(_Said):
    allowed: bool
    reason: Annotated[str, Field(max_length=1_000)] | None = None
    plan: _SaidPlan | None = None


class _SaidPage(_Said):
    url: Annotated[str, Field(pattern=r"^https?://", max_length=4_000)] | None = None


T = TypeVar("T", bound=_Said)


class HttpBilling:
    """Asks `url` with `Authorization: Bearer key`.

    Args:
        url: takes `{userId, feature}` and `{userId, page, tier?, returnUrl?}`.
        key: what it knows us by.
        allows_when_away: whether people may all the same while it does not answer.
    """

    def __init__(self, url: str, key: SecretStr, *, allows_when_away: bool) -> None:
        self._url = url
        self._key = key
        self._allows_when_away = allows_when_away

    async def ask(self, owner: OwnerId, feature: Feature) -> Verdict:
        """Whether the person may. Raises: BillingAway, unless people may while it is away."""
        try:
            said = await self._post({"userId": owner, "feature": feature.value}, _SaidVerdict)
        except BillingAway:
            if self._allows_when_away:
                return Verdict(allowed=True)
            raise
        plan = said.plan and Plan(**said.plan.model_dump())
        return Verdict(said.allowed, said.reason, plan)

    async def page(
        self, owner: OwnerId, page: Page, *, tier: str | None, return_url: str | None
    ) -> str | None:
        """Where the person changes their plan. Raises: BillingAway."""
        question = {"userId": owner, "page": page, "tier": tier, "returnUrl": return_url}
        given = {name: value for name, value in question.items() if value is not None}
        return (await self._post(given, _SaidPage)).url

    async def _post(self, question: dict[str, str], shape: type[T]) -> T:
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}"}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_S)) as session,
                session.post(
                    self._url,
                    json=question,
                    headers=headers,
                    allow_redirects=False,  # the key is for this address alone
                ) as response,
            ):
                if response.status != HTTPStatus.OK:
                    raise BillingAway(f"the operator's billing answered {response.status}")
                body = await response.content.read(MOST_BYTES)
            return shape.model_validate_json(body)
        except (aiohttp.ClientError, TimeoutError, ValidationError) as fault:
            log.warning("billing_away", extra={"reason": type(fault).__name__})
            raise BillingAway("the operator's billing did not answer") from fault


def gate_of(settings: Settings, store: Store) -> PlanGate:
    """What asks the operator's billing, or nobody."""
    if settings.billing_url is None or settings.billing_key is None:
        return PlanGate(NoBilling(), store.plans)
    allows = settings.billing_when_away is BillingAwayPolicy.ALLOW
    billing = HttpBilling(settings.billing_url, settings.billing_key, allows_when_away=allows)
    return PlanGate(billing, store.plans)
