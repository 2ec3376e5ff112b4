"""Which model answers, chosen for a conversation or a message over HTTP."""

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product

DEFAULT, OTHER = "anthropic/claude-sonnet-5-5", "anthropic/claude-opus-5-5"


async def _answers(api: Api, conversation: str, **more: object) -> str:
    """Who answers a message, by the name that the scripted server has for it."""
    body = {"conversationId": conversation, "message": "hello", **more}
    sent = await api.ok("POST", "/api/messages", body)
    model: str = (await api.until_final(sent["messageId"]))["model"]
    return model.replace("scripted-", "")


async def test_what_may_be_chosen_is_told_with_abilities_and_prices(api: Api) -> None:
    default, other = (await api.ok("GET", "/api/models"))["models"]
    assert (default["model"], default["isDefault"]) == (DEFAULT, True)
    assert other == {
        "model": OTHER,
        "isDefault": False,
        "abilities": {
            "images": True,
            "thinking": True,
            "tools": True,
            "contextWindow": 1_000_000,
            "maxOutputTokens": 128_000,
        },
        "price": {
            "input": 4,
            "output": 20,
            "cacheRead": 0.2,
            "cacheWrite": 5,
            "asOf": "2026-11-21",
        },
    }
    assert default["price"]["cacheRead"] == default["price"]["input"]  # where nothing else is said


async def test_a_message_goes_before_its_conversation_and_that_before_the_default(api: Api) -> None:
    conversation = await api.conversation()
    path = f"/api/conversations/{conversation}"
    assert await _answers(api, conversation) == DEFAULT
    assert (await api.ok("PATCH", path, {"model": OTHER}))["model"] == OTHER
    assert await _answers(api, conversation) == OTHER
    assert await _answers(api, conversation, model=DEFAULT) == DEFAULT
    assert (await api.ok("GET", path))["model"] == OTHER
    renamed = await api.ok("PATCH", path, {"title": "Other", "model": None})
    assert (renamed["title"], renamed.get("model")) == ("Other", None)
    assert await _answers(api, conversation) == DEFAULT


@pytest.mark.parametrize("name", ["anthropic/claude-haiku-5-5", "", "opus", "anthropic:x"])
async def test_a_model_that_is_not_offered_is_refused_with_those_that_are(
    api: Api, name: str
) -> None:
    conversation = await api.conversation()
    path, body = f"/api/conversations/{conversation}", {"title": "x", "model": name}
    before = await api.ok("GET", path)
    message = {"conversationId": conversation, "message": "hello", "model": name}
    for refused in (
        await api.call("PATCH", path, body),
        await api.call("POST", "/api/messages", message),
    ):
        assert (refused.status, refused.body["code"]) == (400, "model_not_allowed")
        assert refused.body["field"] == "model"
        assert DEFAULT in refused.body["error"]
        assert OTHER in refused.body["error"]
    assert await api.ok("GET", path) == before
    assert "model" not in before
    assert (await api.ok("GET", f"{path}/messages"))["messages"] == []


@pytest.mark.parametrize("body", [{}, {"title": None}, {"title": ""}, {"model": 7}], ids=str)
async def test_a_change_of_nothing_is_refused(api: Api, body: object) -> None:
    refused = await api.call("PATCH", f"/api/conversations/{await api.conversation()}", body)
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")


async def test_only_the_owner_chooses(new_person: NewPerson) -> None:
    owner, stranger = await new_person(), await new_person()
    path = f"/api/conversations/{await owner.conversation()}"
    for model in (OTHER, "made/up", None):
        assert (await stranger.call("PATCH", path, {"model": model})).status == 404
