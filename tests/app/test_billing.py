"""The operator's billing: asked in its shape, in bounded time, and what becomes of its absence."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from app.billing import HttpBilling
from app.services.plans import BillingAway, Feature
from core.ids import OwnerId
from store.records import Plan
from tests.app.http.front_ends.billing_stand_in import KEY, BillingStandIn, billing_stand_in

ANN = OwnerId("ann")


@pytest.fixture
async def stand_in() -> AsyncIterator[BillingStandIn]:
    async with billing_stand_in() as stand_in:
        yield stand_in


def client(stand_in: BillingStandIn, key: str = KEY, *, allows: bool = False) -> HttpBilling:
    return HttpBilling(stand_in.url, SecretStr(key), allows_when_away=allows)


async def test_a_feature_is_asked_for_and_the_plan_comes_with_the_answer(
    stand_in: BillingStandIn,
) -> None:
    plan = {"tier": "pro_monthly", "status": "active", "projectLimit": -1, "more": "unknown"}
    stand_in.answers["import"] = {"allowed": True, "plan": plan}
    verdict = await client(stand_in).ask(ANN, Feature.IMPORT)
    assert verdict.allowed
    assert verdict.plan == Plan(tier="pro_monthly", status="active", project_limit=-1)
    assert stand_in.asked == [{"userId": "ann", "feature": "import"}]


async def test_a_page_is_asked_for(stand_in: BillingStandIn) -> None:
    stand_in.answers["checkout"] = {"url": "https://pay.example/1"}
    billing = client(stand_in)
    url = await billing.page(ANN, "checkout", tier="pro_yearly", return_url=None)
    assert url == "https://pay.example/1"
    assert stand_in.asked == [{"userId": "ann", "page": "checkout", "tier": "pro_yearly"}]


@pytest.mark.parametrize(
    "answer",
    [{}, [], {"allowed": "maybe"}, {"allowed": True, "plan": {"tier": "gold"}}, {"url": "x"}],
    ids=str,
)
async def test_an_answer_of_another_shape_is_none(stand_in: BillingStandIn, answer: object) -> None:
    stand_in.answers["projects"] = answer
    with pytest.raises(BillingAway):
        await client(stand_in).ask(ANN, Feature.PROJECTS)


async def test_what_becomes_of_people_while_it_is_away_is_a_setting(
    stand_in: BillingStandIn,
) -> None:
    with pytest.raises(BillingAway):
        await client(stand_in, "a wrong key").ask(ANN, Feature.EXPORT)
    stand_in.status = 500
    with pytest.raises(BillingAway):
        await client(stand_in).ask(ANN, Feature.EXPORT)
    assert (await client(stand_in, allows=True).ask(ANN, Feature.EXPORT)).allowed


async def test_nobody_there_is_away() -> None:
    nobody = HttpBilling("http://127.0.0.1:9/", SecretStr(KEY), allows_when_away=False)
    with pytest.raises(BillingAway):
        await nobody.ask(ANN, Feature.PROJECTS)
