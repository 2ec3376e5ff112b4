"""The models that a person may choose from: a route, and what comes out."""

from datetime import date

from pydantic import Field

from app.http.access import CallerDep, ServicesDep, api_router
from app.services.choosing import Offer
from app.wire.shapes import Answer
from llm.catalog import Price

router = api_router("models")


class AbilitiesAnswer(Answer):
    """What a model can do; both bounds are in tokens."""

    images: bool = Field(description="It sees images that tools read.")
    thinking: bool = Field(description="It is asked to reason before it answers, or always does.")
    tools: bool
    context_window: int
    max_output_tokens: int


class PriceAnswer(Answer):
    """US dollars for a million tokens of each kind."""

    input: float
    output: float
    cache_read: float
    cache_write: float
    as_of: date | None = Field(None, description="The day on which the provider's list said so.")


class ModelAnswer(Answer):
    """A model by its name: what `model` of a message takes."""

    model: str = Field(examples=["anthropic/claude-sonnet-5-5"])
    is_default: bool = Field(description="It answers where nothing is chosen.")
    abilities: AbilitiesAnswer
    price: PriceAnswer | None = Field(None, description="Missing where it is not known.")


class ModelsAnswer(Answer):
    """What may be chosen, the default first."""

    models: tuple[ModelAnswer, ...]


@router.get("/models", response_model_exclude_none=True)
async def list_models(services: ServicesDep, caller: CallerDep) -> ModelsAnswer:  # noqa: ARG001 - who is signed in
    """The models that may be chosen for a conversation or a message, the default first."""
    return ModelsAnswer(
        models=tuple(
            _answer(offer, is_default=index == 0)
            for index, offer in enumerate(services.choosing.offers)
        )
    )


def _answer(offer: Offer, *, is_default: bool) -> ModelAnswer:
    facts = offer.facts
    return ModelAnswer(
        model=offer.model,
        is_default=is_default,
        abilities=AbilitiesAnswer(
            images=facts.sees,
            thinking=facts.thinks,
            tools=True,
            context_window=facts.context_window,
            max_output_tokens=facts.max_output_tokens,
        ),
        price=facts.price and _price(facts.price),
    )


def _price(price: Price) -> PriceAnswer:
    return PriceAnswer(
        input=price.input,
        output=price.output,
        cache_read=price.of_cache_read,
        cache_write=price.of_cache_write,
        as_of=price.as_of,
    )
