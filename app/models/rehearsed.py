"""The models of a run that is rehearsed: their adapters, which ask nobody."""

from collections.abc import Callable, Sequence
from functools import partial

from app.models.choice import NO_KEY, SHORT_WAIT_S, adapter_of
from llm.catalog import Catalog, ModelFacts
from llm.fallback import preferring
from llm.model import Model
from llm.providers import Provider
from llm.retry import Patience

_AT_ONCE = Patience(first_s=0.0, cap_s=0.0, retry_after_cap_s=SHORT_WAIT_S)
_FIRST_BYTE_S = 60.0  # nothing is waited for but this machine


def rehearsed_model(asked: Sequence[tuple[Provider, str, ModelFacts]]) -> Model:
    """Each by its provider, its `provider/model` and what was known of it, in order."""
    makers: list[Callable[[Patience], Model]] = [
        partial(adapter_of(provider, NO_KEY, Catalog({label: facts})), label.partition("/")[2])
        for provider, label, facts in asked
    ]
    return preferring(makers, _AT_ONCE, first_byte_s=_FIRST_BYTE_S)
