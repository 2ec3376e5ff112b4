"""Which model a person may choose for a conversation or a message."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import Refused
from llm.catalog import ModelFacts


@dataclass(frozen=True)
class Offer:
    """A model that may be chosen, by the name under which records and prices have it."""

    model: str  # provider/model
    facts: ModelFacts


class ModelNotAllowed(Refused):
    """The operator does not offer this model."""

    code = "model_not_allowed"
    field = "model"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(
            f"model: choose one of {', '.join(allowed)}"
            if allowed
            else "model: none can be chosen, for no model is configured on this server"
        )


class Choosing:
    """The models that are offered; the first one answers where nothing is chosen."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self.offers = tuple(offers)

    def checked(self, model: str | None) -> str | None:
        """The model itself. Raises: ModelNotAllowed."""
        names = [offer.model for offer in self.offers]
        if model is not None and model not in names:
            raise ModelNotAllowed(names)
        return model

    def known(self, model: str | None) -> str | None:
        """The model itself where it is offered, else None: the default answers."""
        return model if any(offer.model == model for offer in self.offers) else None
