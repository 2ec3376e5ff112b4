"""What is known of each model: window, output limit, thinking, price. Configuration, not code."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.errors import Refused
from core.invalid import problem_text
from llm.model import Turn, Usage

_SHIPPED = Path(__file__).with_name("models.json")
MICROS = 1_000_000  # of a dollar


class InvalidCatalog(Refused):
    """The model table cannot be used; the text names the model and the field."""

    code = "invalid_model_catalog"


class Price(BaseModel):
    """US dollars for a million tokens of each kind; the cache costs `input` if not said.

    `as_of`: the day on which the provider's list said so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)]
    cache_read: Annotated[float | None, Field(ge=0)] = None
    cache_write: Annotated[float | None, Field(ge=0)] = None
    as_of: date | None = None

    def micros(self, usage: Usage) -> int:
        """What the usage costs, in millionths of a dollar: whole ones, so that sums are exact."""
        return round(
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + usage.cache_read_tokens * self.of_cache_read
            + usage.cache_write_tokens * self.of_cache_write
        )

    @property
    def of_cache_read(self) -> float:
        """What a million tokens cost that were read from the cache."""
        return self.input if self.cache_read is None else self.cache_read

    @property
    def of_cache_write(self) -> float:
        """What a million tokens cost that were written to the cache."""
        return self.input if self.cache_write is None else self.cache_write


Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""How much a model should think, in the words of the providers; not each takes each."""


ReasoningBack = Literal[
    "off", "reasoning_content", "reasoning", "think_text", "thinking", "encrypted"
]
EFFORTS: tuple[str, ...] = get_args(Effort)


class ModelFacts(BaseModel):
    """Limits in tokens, and what a model does differently from others.

    `thinking` "adaptive" asks for summaries of the reasoning. `api` "responses" asks OpenAI's
    Responses API instead of Chat Completions. `reasoning_back` says in which form the model wants
    its own earlier reasoning back: in a field of that name, as `<think>` text, as unsigned blocks
    ("thinking", Anthropic's protocol only), as items with their encrypted content ("encrypted",
    Responses only), or not at all. `reasoning_effort` is asked for where it is set. `sees`: it
    takes images. `first_byte_s` is how long a model of a preference list may stay silent before its
    first byte, for those that think before they send any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    context_window: Annotated[int, Field(ge=1)]
    max_output_tokens: Annotated[int, Field(ge=1)]
    api: Literal["chat", "responses"] = "chat"
    thinking: Literal["adaptive", "off"] = "off"
    reasoning_back: ReasoningBack = "off"
    reasoning_effort: Effort | None = None
    sees: bool = False
    first_byte_s: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None
    price: Price | None = None

    @property
    def thinks(self) -> bool:
        """Whether it reasons before it answers, as far as is known."""
        is_asked = self.reasoning_effort not in {None, "none"}
        return self.thinking != "off" or self.reasoning_back != "off" or is_asked

    def priced(self, turn: Turn) -> Turn:
        """The turn with its cost, if the price is known and the provider counted the tokens."""
        return replace(turn, usage=self.costed(turn.usage))

    def costed(self, usage: Usage) -> Usage:
        """The usage with what it costs, where that is known."""
        micros = self.cost_micros(usage)
        return usage if micros is None else replace(usage, cost_usd=micros / MICROS)

    def cost_micros(self, usage: Usage) -> int | None:
        """What the usage costs, in millionths of a dollar.

        None where the price is unknown or nothing was counted: that is not the same as free.
        """
        return None if self.price is None or usage == Usage() else self.price.micros(usage)


UNKNOWN = ModelFacts(context_window=128_000, max_output_tokens=16_000)
"""For a model that the table lacks: what nearly every current model can do."""

_TABLE = TypeAdapter(dict[str, ModelFacts])


class Catalog:
    """Facts by `provider/model`. A name that is not listed takes its longest listed prefix."""

    def __init__(self, models: Mapping[str, ModelFacts]) -> None:
        self._models = dict(models)

    @classmethod
    def default(cls) -> "Catalog":
        """The table that ships with Polaris."""
        return _shipped()

    def extended(self, path: Path) -> Self:
        """This table with the entries of a JSON file over it.

        Raises:
            InvalidCatalog: no such file, or not a table.
        """
        return type(self)({**self._models, **_read(path)})

    def with_effort(self, name: str, effort: str) -> Self:
        """This table where `provider/model` is asked to think that much; one of `EFFORTS`."""
        facts = self.facts(name).model_copy(update={"reasoning_effort": cast("Effort", effort)})
        return type(self)({**self._models, name: facts})

    @property
    def models(self) -> Mapping[str, ModelFacts]:
        """What is listed, by name."""
        return self._models

    def facts(self, name: str) -> ModelFacts:
        """The facts of `provider/model`; `UNKNOWN` where nothing fits."""
        fitting = [known for known in self._models if name.startswith(known)]
        return self._models[max(fitting, key=len)] if fitting else UNKNOWN


@cache
def _shipped() -> Catalog:
    return Catalog(_read(_SHIPPED))


def _read(path: Path) -> dict[str, ModelFacts]:
    try:
        return _TABLE.validate_python(json.loads(path.read_bytes()))
    except OSError as error:
        raise InvalidCatalog(f"cannot read the model table {path}: {error.strerror}") from error
    except ValidationError as error:
        wrong = problem_text(error, whole="file")
        raise InvalidCatalog(f"the model table {path} is wrong: {wrong}") from error
    except ValueError as error:
        raise InvalidCatalog(f"the model table {path} is not JSON: {error}") from error
