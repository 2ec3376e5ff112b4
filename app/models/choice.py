"""Which models answer, by the settings; the only place that names their adapters."""

from collections.abc import Callable, Sequence
from functools import partial

from app.models.no_model import NoModel
from app.settings import SettingsInvalid
from app.settings.models import ModelSettings
from core.clock import SystemClock
from llm.catalog import EFFORTS, Catalog, InvalidCatalog
from llm.deferred import DeferredModel
from llm.fallback import FallbackModel, preferring
from llm.model import Model
from llm.providers import PROVIDERS, Provider
from llm.retry import Patience

SHORT_WAIT_S = 3.0  # a provider asks for: longer ones are durable steps, and people see them

Adapter = Callable[[str, Patience], Model]


def model_of(settings: ModelSettings, providers: Sequence[Provider] = PROVIDERS) -> Model:
    """The models of the preference list, else those whose key is set; each next one is a fallback.

    Raises:
        SettingsInvalid: the list names a provider that there is not, or one whose key is missing.
    """
    catalog = _catalog(settings)
    known = {provider.name: provider for provider in providers}
    wanted = settings.models or tuple(
        f"{provider.name}:{provider.default_model}"
        for provider in providers
        if provider.default_model and settings.key_of(provider)
    )
    makers: list[Callable[[Patience], Model]] = []
    for entry in wanted:
        name, _, model = entry.partition(":")
        provider = known.get(name)
        if provider is None or not model:
            variable = "POLARIS_SMALL_MODEL" if entry == settings.small_model else "POLARIS_MODELS"
            raise SettingsInvalid(
                f"{variable}: {entry!r} is not PROVIDER:MODEL with one of {', '.join(known)}"
            )
        if provider.needs_key and settings.key_of(provider) is None:
            raise SettingsInvalid(f"{provider.key_variable}: needed for {entry!r}")
        adapter = _adapter(provider, settings, catalog)
        makers.append(partial(_deferred, f"{name}/{model}", partial(adapter, model), catalog))
    if not makers:
        return NoModel(providers)
    patience = Patience(
        budget_s=settings.model_patience_s,
        idle_s=settings.model_idle_s,
        retry_after_cap_s=SHORT_WAIT_S,
    )
    return preferring(
        makers, patience, first_byte_s=settings.model_first_byte_s, clock=SystemClock()
    )


def small_model_of(settings: ModelSettings) -> Model | None:
    """The model for short texts beside answers: the one that is set, else the one that answers.

    None where none is configured. Raises: SettingsInvalid.
    """
    if settings.small_model is not None:
        settings = settings.model_copy(update={"models": (settings.small_model,)})
    model = model_of(settings)
    return None if isinstance(model, NoModel) else model


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


def _adapter(provider: Provider, settings: ModelSettings, catalog: Catalog) -> Adapter:
    """What makes a model of the provider from its name.

    Each SDK takes about a second to import: see `DeferredModel`.
    """
    provider = provider.at(settings.url_of(provider))
    key = settings.key_of(provider) or "none"  # the SDKs want one, also where nobody reads it

    def messages(name: str, patience: Patience) -> Model:
        from llm.anthropic_messages import AnthropicModel  # noqa: PLC0415 - see above

        return AnthropicModel(
            name, api_key=key, provider=provider, catalog=catalog, patience=patience
        )

    def chat(name: str, patience: Patience) -> Model:
        from llm.openai_chat import OpenAIModel  # noqa: PLC0415 - see above

        return OpenAIModel(name, api_key=key, provider=provider, catalog=catalog, patience=patience)

    match provider.protocol:
        case "messages":
            return messages
        case "chat":
            return chat
