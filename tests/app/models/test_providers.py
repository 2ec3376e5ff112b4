"""A provider is one entry: settings, choice, request and faults follow from it.

The provider here is made up. No other file knows it.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import ValidationError, create_model

from app.models import model_of
from app.settings import Settings, SettingsInvalid
from app.settings.models import provider_fields
from llm.deferred import DeferredModel
from llm.faults import NoModelConfigured, PromptTooLong, RateLimited
from llm.model import Model, ModelRequest, TextPart, ToolSpec, TurnEnded, UserMessage
from llm.openai_chat import OpenAIModel
from llm.providers import PROVIDERS, Provider
from llm.scripted.process import ScriptedModel, scripted_here
from llm.scripted.scenario import Scenario
from tests.support.provider import said, wire_server

pytestmark = pytest.mark.timeout(60)  # importing an SDK takes seconds on a busy machine

ACME = Provider(
    "acme",
    "https://models.acme.example/v1",
    "Acme",
    default_model="roadrunner-2",
    limit_field="max_completion_tokens",
    too_long=("the scroll does not unroll",),
    wait_headers=("x-acme-again",),
    refused_keywords=frozenset({"additionalProperties"}),
)
ALL = (*PROVIDERS, ACME)
WithAcme = create_model("WithAcme", __base__=Settings, **provider_fields([ACME]))

READ_FILE = ToolSpec(
    "readFile",
    "Read a file.",
    {"type": "object", "properties": {"path": {"type": "string"}}, "additionalProperties": False},
)
ASK = ModelRequest("Be brief.", (UserMessage((TextPart("hello"),)),), (READ_FILE,))


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    for provider in PROVIDERS:
        monkeypatch.delenv(provider.key_variable, raising=False)
        monkeypatch.delenv(provider.url_variable, raising=False)


@asynccontextmanager
async def model_by_environment(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> AsyncGenerator[DeferredModel]:
    """What answers where nothing but the key and the address of Acme is set."""
    monkeypatch.setenv("ACME_API_KEY", "sk-acme-0123456789")
    monkeypatch.setenv("ACME_BASE_URL", url)
    model = model_of(WithAcme(), ALL)
    assert isinstance(model, DeferredModel)
    made = await model.made()
    assert isinstance(made, OpenAIModel)
    async with made:
        yield model


def scenario(*replies: dict[str, Any]) -> Scenario:
    return Scenario.model_validate({"rules": [{"reply": reply} for reply in replies]})


async def asked_of(server: ScriptedModel) -> dict[str, Any]:
    return (await server.requests())[-1]["body"]


async def text_of(model: Model) -> tuple[str, str]:
    """Who answered, and what."""
    async for event in model.stream(ASK):
        if isinstance(event, TurnEnded):
            parts = event.turn.message.parts
            text = "".join(part.text for part in parts if isinstance(part, TextPart))
            return event.turn.model, text
    raise AssertionError("no turn")


async def test_its_key_and_address_come_from_the_environment_and_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        scripted_here(scenario({"text": "beep beep"})) as server,
        model_by_environment(monkeypatch, server.openai_url) as model,
    ):
        assert model.name == "acme/roadrunner-2"
        who, text = await text_of(model)
        assert (who, text) == ("acme/scripted-roadrunner-2", "beep beep")
        body = await asked_of(server)
    assert body["model"] == "roadrunner-2"
    assert "max_completion_tokens" in body
    assert "max_tokens" not in body
    assert body["tools"][0]["function"]["parameters"] == {
        "type": "object",
        "properties": {"path": {"type": "string"}},
    }


async def test_its_own_words_say_that_a_prompt_is_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = "Sorry: the scroll does not unroll this far."
    fault = {"kind": "status", "status": 400, "message": message}
    async with (
        scripted_here(scenario({"fault": fault})) as server,
        model_by_environment(monkeypatch, server.openai_url) as model,
    ):
        with pytest.raises(PromptTooLong):
            await text_of(model)


async def test_its_own_header_says_when_to_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = said(429, {"error": {"message": "slow down"}}, x_acme_again="1m30s")
    async with (
        wire_server(refused) as server,
        model_by_environment(monkeypatch, f"{server.url}/v1") as model,
    ):
        with pytest.raises(RateLimited) as caught:
            await text_of(model)
    assert caught.value.retry_after_s == 90


def test_its_model_is_one_of_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "k")
    monkeypatch.setenv("POLARIS_MODELS", "acme:anvil-1,ollama:qwen3")
    assert model_of(WithAcme(), ALL).name == "acme/anvil-1 > ollama/qwen3"


def test_without_its_key_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARIS_MODELS", "acme:anvil-1")
    with pytest.raises(SettingsInvalid, match=r"^ACME_API_KEY: "):
        model_of(WithAcme(), ALL)


def test_an_address_that_is_none_stops_the_start_and_no_key_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "sk-acme-very-secret")
    monkeypatch.setenv("ACME_BASE_URL", "models.acme.example")
    with pytest.raises(ValidationError) as caught:
        WithAcme()
    assert [fault["loc"] for fault in caught.value.errors()] == [("ACME_BASE_URL",)]
    monkeypatch.delenv("ACME_BASE_URL")
    assert "very-secret" not in repr(WithAcme())


async def test_where_nothing_is_set_its_key_is_among_those_that_help() -> None:
    with pytest.raises(NoModelConfigured, match="ACME_API_KEY"):
        await anext(model_of(WithAcme(), ALL).stream(ASK))
