"""Which model answers, by the settings."""

import json
from pathlib import Path

import pytest

from app.models import model_of, models_of, offers_of, small_model_of
from app.models.no_model import NoModel
from app.settings import Settings, SettingsInvalid
from llm.closing import freed
from llm.deferred import DeferredModel
from llm.faults import ModelRefused, NoModelConfigured
from llm.model import ModelRequest, TurnEnded
from llm.openai_chat import OpenAIModel
from llm.providers import PROVIDERS
from llm.scripted.process import scripted_here
from tests.support.provider import said, wire_server
from tests.support.scripted_model import ask, scenario

pytestmark = pytest.mark.timeout(60)  # importing both SDKs takes seconds on a busy machine


def settings(**given: object) -> Settings:
    return Settings.model_validate(given)


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    for provider in PROVIDERS:
        monkeypatch.delenv(provider.key_variable, raising=False)


async def test_without_a_key_the_refusal_says_which_to_set() -> None:
    model = model_of(settings())
    assert isinstance(model, NoModel)
    request = ModelRequest(system="", messages=(), tools=(), max_output_tokens=1)
    with pytest.raises(NoModelConfigured, match="ANTHROPIC_API_KEY"):
        await anext(model.stream(request))


@pytest.mark.parametrize(
    ("api", "path"), [("chat", "chat/completions"), ("responses", "responses")]
)
async def test_the_table_says_which_api_of_openai_is_asked(
    tmp_path: Path, api: str, path: str
) -> None:
    table = tmp_path / "table.json"
    facts = {"context_window": 9_000, "max_output_tokens": 99, "api": api}
    table.write_text(json.dumps({"openai/m": facts}))
    async with scripted_here(scenario({"text": "ok"})) as server:
        given = settings(
            openai_api_key="k",
            openai_base_url=server.openai_url,
            models="openai:m",
            model_table=table,
        )
        async with freed(model_of(given)) as model:
            *_, last = [event async for event in model.stream(ask())]
        (seen,) = await server.requests()
    assert isinstance(last, TurnEnded)
    assert seen["path"] == f"/v1/{path}"


def test_one_key_chooses_its_provider() -> None:
    assert model_of(settings(anthropic_api_key="k")).name.startswith("anthropic/")
    assert model_of(settings(openai_api_key="k")).name.startswith("openai/")
    assert model_of(settings(cerebras_api_key="k")).name.startswith("cerebras/")


def test_more_keys_are_fallbacks_in_a_fixed_order() -> None:
    model = model_of(settings(cerebras_api_key="k", anthropic_api_key="k"))
    first, second = model.name.split(" > ")
    assert first.startswith("anthropic/")
    assert second.startswith("cerebras/")


def test_the_list_wins_over_the_keys() -> None:
    given = settings(
        anthropic_api_key="k",
        openrouter_api_key="k",
        models="openrouter:some/model:free,ollama:qwen3",
    )
    assert model_of(given).name == "openrouter/some/model:free > ollama/qwen3"


def test_the_small_model_is_the_one_that_is_set_else_the_one_that_answers() -> None:
    assert small_model_of(settings()) is None
    main = small_model_of(settings(anthropic_api_key="k"))
    assert main is not None
    assert main.name.startswith("anthropic/")
    given = settings(anthropic_api_key="k", models="ollama:big", small_model="ollama:tiny")
    small = small_model_of(given)
    assert small is not None
    assert (small.name, model_of(given).name) == ("ollama/tiny", "ollama/big")
    with pytest.raises(SettingsInvalid, match="POLARIS_SMALL_MODEL: 'acme:one'"):
        small_model_of(settings(small_model="acme:one"))


@pytest.mark.parametrize("entry", ["acme:one", "anthropic", "anthropic:", ":one"])
def test_an_entry_that_is_no_model_is_named(entry: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"^POLARIS_MODELS: "):
        model_of(settings(models=entry, anthropic_api_key="k"))


def test_a_listed_provider_without_a_key_names_the_key() -> None:
    with pytest.raises(SettingsInvalid, match=r"^OPENAI_API_KEY: "):
        model_of(settings(models="openai:gpt-5.5"))


@pytest.mark.parametrize("entry", ["openai:m", "openai:m=much", "m=low", "openai:=low", "=low"])
def test_an_effort_that_is_none_is_named(entry: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"^POLARIS_REASONING_EFFORT: "):
        model_of(settings(openai_api_key="k", reasoning_effort=entry))


def test_a_model_table_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SettingsInvalid, match=r"^POLARIS_MODEL_TABLE: "):
        model_of(settings(openai_api_key="k", model_table="nowhere.json"))


async def test_the_effort_of_a_model_reaches_its_provider() -> None:
    async with wire_server(said(400, {"error": {"message": "enough seen"}})) as server:
        model = model_of(
            settings(
                openai_api_key="k",
                openai_base_url=f"{server.url}/v1",
                models="openai:some/model:free",
                reasoning_effort="openai:other=high,openai:some/model:free=low",
            )
        )
        assert isinstance(model, DeferredModel)
        made = await model.made()
        assert isinstance(made, OpenAIModel)
        async with made:
            with pytest.raises(ModelRefused, match="enough seen"):
                await anext(model.stream(ModelRequest(system="s", messages=())))
    (request,) = server.requests
    assert (request["model"], request["reasoning_effort"]) == ("some/model:free", "low")


def test_people_choose_from_the_list_where_nothing_else_is_said() -> None:
    given = settings(anthropic_api_key="k", models="anthropic:big,ollama:a:b")
    assert [offer.model for offer in offers_of(given)] == ["anthropic/big", "ollama/a:b"]
    default = model_of(given)
    models = models_of(given, default)
    assert models["anthropic/big"] is default
    assert models["ollama/a:b"].name == "ollama/a:b > anthropic/big"


def test_what_is_allowed_besides_has_the_list_behind_it() -> None:
    given = settings(
        anthropic_api_key="k", models="anthropic:big,ollama:x", allowed_models="ollama:tiny"
    )
    assert [offer.model for offer in offers_of(given)] == ["anthropic/big", "ollama/tiny"]
    models = models_of(given, model_of(given))
    assert list(models) == ["anthropic/big", "ollama/tiny"]
    assert models["ollama/tiny"].name == "ollama/tiny > anthropic/big > ollama/x"


def test_nothing_is_offered_where_no_model_is_configured() -> None:
    assert offers_of(settings()) == ()
    assert models_of(settings(), model_of(settings())) == {}


def test_a_model_that_is_allowed_and_is_none_is_named() -> None:
    given = settings(anthropic_api_key="k", allowed_models="acme:one")
    with pytest.raises(SettingsInvalid, match=r"^POLARIS_ALLOWED_MODELS: 'acme:one'"):
        offers_of(given)
    with pytest.raises(SettingsInvalid, match=r"^OPENAI_API_KEY: "):
        models_of(
            settings(anthropic_api_key="k", allowed_models="openai:x"),
            model_of(settings(anthropic_api_key="k")),
        )
