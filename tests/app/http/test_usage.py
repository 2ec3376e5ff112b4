"""What was used over HTTP: of a person's own answers, by day, model and project."""

import asyncio
from typing import Any

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import POLL_S, Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product

MODEL = "anthropic/scripted-claude-sonnet-5-5"  # as the scripted server calls itself


async def _answered(api: Api, project: str, text: str = "hello") -> dict[str, int]:
    sent = await api.send(await api.conversation(project), text)
    usage: dict[str, int] = (await api.until_final(sent["messageId"]))["usage"]
    return usage


async def test_what_answers_took_is_summed_by_day_model_and_project(api: Api) -> None:
    shop, other = await api.project("shop"), await api.project("other")
    one, two = await _answered(api, shop), await _answered(api, other, "write the file")
    by_day = await api.ok("GET", "/api/usage")
    assert by_day["groupBy"] == "day"
    total = by_day["total"]
    assert (total["requests"], total["unpriced"]) == (3, 0)
    for name in ("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"):
        assert total[name] == one[name] + two[name]
    cost = (one["costUsd"] + two["costUsd"]) * 1_000_000
    assert total["costMicros"] == round(cost) > 0
    assert [group["day"] for group in by_day["groups"]] == [by_day["to"]]
    by_model = await api.ok("GET", "/api/usage?groupBy=model")
    assert by_model["groups"] == [{**total, "model": MODEL}]
    by_project = await api.ok("GET", "/api/usage?groupBy=project")
    assert {group["projectName"]: group["requests"] for group in by_project["groups"]} == {
        "shop": 1,
        "other": 2,
    }
    of_shop = await api.ok("GET", f"/api/usage?projectId={shop}")
    assert of_shop["total"]["outputTokens"] == one["outputTokens"]


async def test_what_a_deleted_conversation_took_still_counts(api: Api) -> None:
    conversation = await api.conversation()
    sent = await api.send(conversation, "write the file")
    await api.until_final(sent["messageId"])
    path = f"/api/usage?conversationId={conversation}"
    assert (await api.ok("GET", path))["total"]["requests"] == 2
    await api.ok("DELETE", f"/api/conversations/{conversation}")
    assert (await api.call("GET", path)).status == 404
    assert (await api.ok("GET", "/api/usage"))["total"]["requests"] == 2


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("from=yesterday", "from", "invalid_request"),
        ("to=2026-02-30", "to", "invalid_request"),
        ("to=12345", "to", "invalid_request"),
        ("groupBy=hour", "groupBy", "invalid_request"),
        ("from=2026-11-28&to=2026-11-27", None, "bad_range"),
        ("from=2025-11-27&to=2026-11-28", None, "bad_range"),
        ("from=2026-11-28&to=0001-01-01", None, "bad_range"),
    ],
)
async def test_a_wrong_range_is_named(api: Api, query: str, field: str | None, code: str) -> None:
    refused = await api.call("GET", f"/api/usage?{query}")
    assert (refused.status, refused.body["code"], refused.body.get("field")) == (400, code, field)


async def test_the_first_of_all_days_is_no_fault(api: Api) -> None:
    assert (await api.ok("GET", "/api/usage?to=0001-01-01"))["groups"] == []


async def test_nobody_sees_what_others_used(new_person: NewPerson) -> None:
    owner, stranger = await new_person(), await new_person()
    project = await owner.project()
    await _answered(owner, project)
    assert (await stranger.ok("GET", "/api/usage"))["total"]["requests"] == 0
    assert (await stranger.call("GET", f"/api/usage?projectId={project}")).status == 404
    assert (await owner.call("GET", "/api/usage?projectId=made-up")).status == 404


async def counted(person: Api, requests: int) -> list[dict[str, Any]]:
    """What a person has used by project, once so much is counted: that is beside the answers."""
    while True:
        used = await person.ok("GET", "/api/usage?groupBy=project")
        if used["total"]["requests"] == requests:
            groups: list[dict[str, Any]] = used["groups"]
            return groups
        await asyncio.sleep(POLL_S)


async def test_what_editors_ask_for_counts_for_who_asks(new_person: NewPerson) -> None:
    ada, eve = await new_person(), await new_person()
    project = await ada.project()
    edit = {"selectedCode": "a", "fullCode": "a", "instruction": "b"}
    await ada.ok("POST", "/api/quick-edit", {**edit, "projectId": project})
    await ada.ok("POST", "/api/suggestion", {"code": "const a"})
    await eve.ok("POST", "/api/suggestion", {"code": "const a", "projectId": project})
    projects = sorted(group.get("projectId", "") for group in await counted(ada, 2))
    assert projects == ["", project]
    (of_eve,) = await counted(eve, 1)
    assert "projectId" not in of_eve
    assert (await ada.ok("GET", f"/api/usage?projectId={project}"))["total"]["requests"] == 1
