"""The adapters, each talking to a scripted model over its real wire protocol."""

from typing import Any, Protocol

from llm.anthropic_messages import AnthropicModel
from llm.catalog import Catalog
from llm.model import (
    Model,
    ModelEvent,
    ModelRequest,
    TextPart,
    ToolSpec,
    Turn,
    TurnEnded,
    UserMessage,
)
from llm.openai_chat import OpenAIModel
from llm.openai_responses import ResponsesModel
from llm.providers import ANTHROPIC, OPENAI
from llm.retry import Patience
from llm.scripted.process import ScriptedModel
from llm.scripted.scenario import Scenario

API_KEY = "sk-secret-0123456789"
QUICK = Patience(attempts=3, first_s=0.01, cap_s=0.02, retry_after_cap_s=1.0, connect_s=2, idle_s=5)

READ_FILE = ToolSpec(
    "readFile",
    "Read a file.",
    {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
)


class Scripted:
    """A model under test and the scripted server behind it."""

    def __init__(self, model: Model, server: ScriptedModel) -> None:
        self.model = model
        self.server = server

    async def turn(self, request: ModelRequest) -> tuple[list[ModelEvent], Turn]:
        """All events but the last, and the turn."""
        events = [event async for event in self.model.stream(request)]
        last = events.pop()
        assert isinstance(last, TurnEnded)
        assert not any(isinstance(event, TurnEnded) for event in events)
        return events, last.turn

    async def body(self, number: int = -1) -> dict[str, Any]:
        """The body of a request as the server saw it."""
        return (await self.server.requests())[number]["body"]


class Play(Protocol):
    """Starts a scripted model with the given rules or a single reply, and an adapter on it."""

    async def __call__(
        self, *rules: dict[str, Any], patience: Patience = ..., **fields: Any
    ) -> Scripted: ...


def ask(text: str = "hello", *, tools: tuple[ToolSpec, ...] = ()) -> ModelRequest:
    """A first message."""
    return ModelRequest("Be brief.", (UserMessage((TextPart(text),)),), tools)


def scenario(*rules: dict[str, Any], **fields: Any) -> Scenario:
    """Rules in order; a dict without `reply` is itself the reply of a rule that always holds."""
    whole = [rule if "reply" in rule else {"reply": rule} for rule in rules]
    return Scenario.model_validate({"rules": whole, **fields})


def model_at(
    protocol: str, url: str, patience: Patience = QUICK, **options: Any
) -> AnthropicModel | OpenAIModel | ResponsesModel:
    """The adapter for a protocol, talking to the server at `url`."""
    if protocol == "anthropic":
        return AnthropicModel(
            "claude-opus-5-5",
            api_key=API_KEY,
            provider=ANTHROPIC.at(url),
            patience=patience,
            **options,
        )
    provider = OPENAI.at(f"{url}/v1")
    adapter = ResponsesModel if protocol == "responses" else OpenAIModel
    return adapter("gpt-6-sol", api_key=API_KEY, provider=provider, patience=patience, **options)


def anthropic_at(server: ScriptedModel, patience: Patience = QUICK) -> AnthropicModel:
    """The adapter under test."""
    return AnthropicModel(
        "claude-opus-5-5", api_key=API_KEY, provider=ANTHROPIC.at(server.url), patience=patience
    )


def openai_at(server: ScriptedModel, patience: Patience = QUICK) -> OpenAIModel:
    """The adapter under test."""
    return OpenAIModel(
        "gpt-6-sol", api_key=API_KEY, provider=OPENAI.at(server.openai_url), patience=patience
    )


def responses_at(server: ScriptedModel, patience: Patience = QUICK) -> ResponsesModel:
    """The adapter under test, of a model that wants its thoughts back."""
    facts = Catalog.default().facts("openai/gpt-6-sol")
    thoughtful = facts.model_copy(update={"api": "responses", "reasoning_back": "encrypted"})
    return ResponsesModel(
        "gpt-6-sol",
        api_key=API_KEY,
        provider=OPENAI.at(server.openai_url),
        catalog=Catalog({"openai/gpt-6-sol": thoughtful}),
        patience=patience,
    )


ADAPTERS = {"anthropic": anthropic_at, "openai": openai_at, "responses": responses_at}
