"""Which models answer, by the settings; the only place that names their adapters."""

from collections.abc import Callable, Mapping
from functools import partial

from app.models.no_model import NoModel
from app.settings import SettingsInvalid
from app.settings.models import ModelSettings
from core.clock import SystemClock
from llm.catalog import EFFORTS, Catalog, InvalidCatalog
from llm.deferred import DeferredModel
from llm.fallback import FallbackModel, preferring
from llm.model import Model
from llm.retry import Patience

DEFAULT_MODELS = {
    "anthropic": "claude-sonnet-5-5",
    "openai": "gpt-6.1-sol",
    "cerebras": "gpt-oss-120b",
}  # of providers whose key is set, in order of preference

SHORT_WAIT_S = 3.0  # a provider asks for: longer ones are durable steps, and people see them

Adapter = Callable[[str, Patience], Model]


def model_of(settings: ModelSettings) -> Model:
    """The models of the preference list, else those whose key is set; each next one is a fallback.

    Raises:
        SettingsInvalid: the list names a provider that there is not, or one whose key is missing.
    """
    catalog = _catalog(settings)
    adapters = _adapters(settings, catalog)
    wanted = settings.models or tuple(
        f"{provider}:{name}" for provider, name in DEFAULT_MODELS.items() if adapters[provider]
    )
    makers: list[Callable[[Patience], Model]] = []
    for entry in wanted:
        provider, _, name = entry.partition(":")
        if provider not in adapters or not name:
            known = ", ".join(adapters)
            raise SettingsInvalid(
                f"POLARIS_MODELS: {entry!r} is not PROVIDER:MODEL with one of {known}"
            )
        adapter = adapters[provider]
        if adapter is None:
            raise SettingsInvalid(f"{provider.upper()}_API_KEY: needed for {entry!r}")
        label = f"{provider}/{name}"
        makers.append(partial(_deferred, label, partial(adapter, name), catalog))
    if not makers:
        return NoModel()
    patience = Patience(
        budget_s=settings.model_patience_s,
        idle_s=settings.model_idle_s,
        retry_after_cap_s=SHORT_WAIT_S,
    )
    return preferring(
        makers, patience, first_byte_s=settings.model_first_byte_s, clock=SystemClock()
    )


def _deferred(
    label: str, make: Callable[[Patience], Model], catalog: Catalog, patience: Patience
) -> Model:
    return DeferredModel(label, partial(make, patience), catalog=catalog)


async def prepare(model: Model) -> None:
    """Have the SDK of the preferred model imported before somebody waits for an answer."""
    match model:
        case FallbackModel():
            await prepare(model.preferred)
        case DeferredModel():
            await model.prepare()
        case _:
            pass


def _catalog(settings: ModelSettings) -> Catalog:
    """What is known of the models, with what the settings say of them.

    Raises:
        SettingsInvalid: the table cannot be read, or an effort is none.
    """
    catalog = Catalog.default()
    if settings.model_table is not None:
        try:
            catalog = catalog.extended(settings.model_table)
        except InvalidCatalog as error:
            raise SettingsInvalid(f"POLARIS_MODEL_TABLE: {error}") from None
    for entry in settings.reasoning_effort:
        model, _, effort = entry.partition("=")
        provider, _, name = model.partition(":")
        if not (name and effort in EFFORTS):
            raise SettingsInvalid(
                f"POLARIS_REASONING_EFFORT: {entry!r} is not PROVIDER:MODEL=EFFORT with one of "
                f"{', '.join(EFFORTS)}"
            )
        catalog = catalog.with_effort(f"{provider}/{name}", effort)
    return catalog


def _adapters(settings: ModelSettings, catalog: Catalog) -> Mapping[str, Adapter | None]:
    """By provider, what makes a model from its name; None where the key is missing.

    Each SDK takes about a second to import: see `DeferredModel`.
    """

    def anthropic(name: str, patience: Patience) -> Model:
        from llm.anthropic_messages import BASE_URL, AnthropicModel  # noqa: PLC0415 - see above

        key = settings.anthropic_api_key
        url = settings.anthropic_base_url or BASE_URL
        secret = key.get_secret_value() if key else ""
        return AnthropicModel(
            name, api_key=secret, base_url=url, catalog=catalog, patience=patience
        )

    def chat(provider: str, name: str, patience: Patience) -> Model:
        from llm import openai_chat  # noqa: PLC0415 - see above

        openai = openai_chat.OPENAI
        if settings.openai_base_url:
            openai = openai.at(settings.openai_base_url)
        service, key = {
            "openai": (openai, settings.openai_api_key),
            "cerebras": (openai_chat.CEREBRAS, settings.cerebras_api_key),
            "openrouter": (openai_chat.OPENROUTER, settings.openrouter_api_key),
            "ollama": (openai_chat.OLLAMA, None),
        }[provider]
        secret = key.get_secret_value() if key else "none"  # the SDK wants one, Ollama does not
        return openai_chat.OpenAIModel(
            name, api_key=secret, provider=service, catalog=catalog, patience=patience
        )

    return {
        "anthropic": anthropic if settings.anthropic_api_key else None,
        "openai": partial(chat, "openai") if settings.openai_api_key else None,
        "cerebras": partial(chat, "cerebras") if settings.cerebras_api_key else None,
        "openrouter": partial(chat, "openrouter") if settings.openrouter_api_key else None,
        "ollama": partial(chat, "ollama"),
    }
