"""What answers when no provider's key is set: nothing, and it says why."""

from collections.abc import AsyncGenerator

from llm.faults import NoModelConfigured
from llm.model import ModelEvent, ModelRequest


class NoModel:
    """A model that refuses every request, so that everything else can be used without a key."""

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
        raise NoModelConfigured(
            "no model is configured: set ANTHROPIC_API_KEY, OPENAI_API_KEY, CEREBRAS_API_KEY or "
            "OPENROUTER_API_KEY, or POLARIS_MODELS=ollama:…, and start again"
        )
        yield  # makes it a generator, as the port wants
