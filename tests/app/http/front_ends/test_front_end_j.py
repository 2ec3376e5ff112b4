"""Front end J: its own routes, its words, and the plan of its person."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from core.ids import new_id
from tests.app.http.front_ends.billing_stand_in import KEY, BillingStandIn, billing_stand_in
from tests.support.api_client import Api, api_at
from tests.support.issuer import Issuer
from tests.support.product import Program, disposable

pytestmark = pytest.mark.timeout(90)  # the first test starts a product

LIMIT = "Project limit reached. Please upgrade to Pro for unlimited projects."


@pytest.fixture(scope="module")
def for_j(
    product_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    """The product for J, with two projects a person."""
    env = {**product_env, "POLARIS_FRONT_END": "j", "POLARIS_PROJECT_LIMIT": "2"}
    with disposable(["dev"], folder=tmp_path_factory.mktemp("dev-j"), env=env) as program:
        yield program


@pytest.fixture
async def j(for_j: Program, issuer: Issuer) -> AsyncIterator[Api]:
    owner = new_id("user")
    async with api_at(for_j.ready["api"], owner, issuer.token(owner)) as api:
        yield api


async def test_projects_are_made_counted_and_deleted(j: Api) -> None:
    assert await j.ok("POST", "/api/projects/check-limit") == {
        "allowed": True,
        "currentUsage": 0,
        "limit": 2,
    }
    made = await j.ok("POST", "/api/projects/create", {"name": "One"})
    project_id = made.pop("projectId")
    assert made == {"tracked": True, "currentUsage": 1, "limit": 2}
    assert await j.ok("PUT", "/api/projects/check-limit") == {"tracked": True}
    gone = await j.ok("DELETE", f"/api/projects/delete?projectId={project_id}")
    assert gone == {"success": True, "message": "Project deleted successfully"}
    assert (await j.call("GET", f"/api/projects/{project_id}")).status == 404


async def test_a_project_too_many_is_refused_on_every_way(j: Api) -> None:
    for name in ("One", "Two"):
        await j.ok("POST", "/api/projects/create", {"name": name})
    ways = {
        "/api/projects/create": {"name": "Three"},
        "/api/projects/check-limit": None,
        "/api/projects": {"name": "Three"},
        "/api/projects/generate": {"description": "A shop for bicycles"},
        "/api/projects/create-with-prompt": {"prompt": "Make a game"},
        "/api/github/import": {"repoUrl": "https://github.com/octo/shop"},
    }
    for path, body in ways.items():
        refused = await j.call("POST", path, body)
        assert refused.status == 403, path
        assert refused.body == {
            "error": LIMIT,
            "code": "project_limit",
            "allowed": False,
            "currentUsage": 2,
            "limit": 2,
        }, path


async def test_what_is_missing_is_said_in_js_words(j: Api) -> None:
    create = await j.call("POST", "/api/projects/create", {"name": " "})
    assert (create.status, create.body["error"]) == (400, "Project name is required")
    delete = await j.call("DELETE", "/api/projects/delete")
    assert (delete.status, delete.body["error"]) == (400, "Project ID is required")
    stranger = await j.call("DELETE", "/api/projects/delete?projectId=nothing")
    assert (stranger.status, stranger.body["error"]) == (404, "Project not found")
    url = await j.call("POST", "/api/github/import", {"repoUrl": "https://evil.example/o/r"})
    assert (url.status, url.body["error"]) == (400, "Invalid GitHub URL")
    project_id = await j.project()
    body = {"projectId": project_id, "repoUrl": "https://github.com/octo/shop"}
    export = await j.call("POST", "/api/github/export", body)
    assert (export.status, export.body["error"]) == (
        403,
        "GitHub not connected. Please connect GitHub in your account settings.",
    )


async def test_a_second_message_is_refused_while_one_is_answered(
    product_env: dict[str, str], j: Api
) -> None:
    assert "POLARIS_BUSY_POLICY" not in product_env
    conversation = await j.conversation()
    sent = await j.send(conversation, "answer slowly")
    body = {"conversationId": conversation, "message": "and this"}
    busy = await j.call("POST", "/api/messages", body)
    assert (busy.status, busy.body["error"]) == (409, "A message is already being processed")
    assert busy.body["messageId"] == sent["messageId"]
    await j.ok("DELETE", "/api/messages", {"messageId": sent["messageId"]})


async def test_the_editors_empty_questions_are_refused_in_the_words_of_both(j: Api) -> None:
    refused = {
        "Code is required": ("/api/suggestion", {"fileName": "a.ts", "code": ""}),
        "Selected code is required": ("/api/quick-edit", {"selectedCode": "", "instruction": "x"}),
        "Instruction is required": ("/api/quick-edit", {"selectedCode": "a", "instruction": ""}),
    }
    for text, (path, body) in refused.items():
        answer = await j.call("POST", path, body)
        assert (answer.status, answer.body["error"]) == (400, text)


async def test_without_billing_everybody_has_the_free_plan(j: Api) -> None:
    nowhere = await j.ok("POST", "/api/autumn/checkout", {"tier": "pro_monthly"})
    assert nowhere == {"checkoutUrl": None, "status": "no_checkout_url"}
    assert (await j.call("POST", "/api/autumn/checkout", {"tier": "gold"})).status == 400
    portal = await j.call("POST", "/api/autumn/portal", {"returnUrl": "https://ide.example/"})
    assert (portal.status, portal.body["code"]) == (400, "no_billing")
    assert (await j.call("POST", "/api/autumn/portal")).body["code"] == "no_billing"
    assert await j.ok("POST", "/api/autumn/sync") == {
        "synced": True,
        "subscription": {"tier": "free", "status": "free", "projectLimit": 2},
    }


@asynccontextmanager
async def with_billing(
    product_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory, issuer: Issuer
) -> AsyncGenerator[tuple[Api, BillingStandIn]]:
    async with billing_stand_in() as billing:
        env = {**product_env, "POLARIS_BILLING_URL": billing.url, "POLARIS_BILLING_KEY": KEY}
        folder = tmp_path_factory.mktemp("dev-billing")
        with disposable(["dev"], folder=folder, env=env) as program:
            owner = new_id("user")
            async with api_at(program.ready["api"], owner, issuer.token(owner)) as api:
                yield api, billing


async def test_the_operators_billing_decides(
    product_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory, issuer: Issuer
) -> None:
    async with with_billing(product_env, tmp_path_factory, issuer) as (api, billing):
        project_id = await api.project()
        assert billing.asked == [{"userId": api.owner, "feature": "projects"}]

        billing.answers["import"] = {"allowed": False}
        billing.answers["export"] = {"allowed": False, "reason": "your trial has ended"}
        url = {"url": "https://github.com/octo/shop"}
        refused = await api.call("POST", "/api/github/import", url)
        assert (refused.status, refused.body["error"]) == (403, "Pro plan required")
        export = {"projectId": project_id, "repoName": "shop"}
        refused = await api.call("POST", "/api/github/export", export)
        assert refused.status == 403
        assert refused.body["error"] == "Pro plan required: your trial has ended"

        plan = {"tier": "pro_yearly", "status": "active", "projectLimit": 1}
        billing.answers["projects"] = {"allowed": True, "plan": plan}
        synced = await api.ok("POST", "/api/autumn/sync")
        assert synced["subscription"] == {
            "tier": "pro_yearly",
            "status": "active",
            "projectLimit": 1,
        }
        full = await api.call("POST", "/api/projects", {"name": "Two"})
        assert (full.status, full.body["error"], full.body["limit"]) == (403, LIMIT, 1)

        billing.answers["checkout"] = {"url": "https://pay.example/1"}
        paid = await api.ok("POST", "/api/autumn/checkout", {"tier": "pro_yearly"})
        assert paid["checkoutUrl"] == "https://pay.example/1"

        billing.status = 500
        away = await api.call("POST", "/api/projects", {"name": "Two"})
        assert (away.status, away.body["code"]) == (503, "unavailable")
