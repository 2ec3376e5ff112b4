"""What answers when no provider's key is set: nothing, and it says why."""

from collections.abc import AsyncGenerator, Iterable

from llm.faults import NoModelConfigured
from llm.model import ModelEvent, ModelRequest
from llm.providers import Provider


class NoModel:
    """A model that refuses every request, so that everything else can be used without a key."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._ways = [
            provider.key_variable if provider.needs_key else f"POLARIS_MODELS={provider.name}:…"
            for provider in providers
        ]

    @property
    def name(self) -> str:
        """Where a model's name would stand."""
        return "none"

    @property
    def context_window(self) -> int:
        """Nothing is ever sent."""
        return 1

    async def stream(
        self,
        request: ModelRequest,  # noqa: ARG002 - the port has it
    ) -> AsyncGenerator[ModelEvent, None]:
        """Refuse. Raises: NoModelConfigured."""
        *some, last = self._ways
        raise NoModelConfigured(
            f"no model is configured: set {', '.join(some)} or {last}, and start again"
        )
        yield  # makes it a generator, as the port wants
