"""Which models answer, by the settings; the only place that names their adapters."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from app.models.no_model import NoModel
from app.services.choosing import Offer
from app.settings import SettingsInvalid
from app.settings.models import ModelSettings
from core.clock import SystemClock
from llm.catalog import EFFORTS, Catalog, InvalidCatalog
from llm.deferred import DeferredModel
from llm.fallback import FallbackModel, preferring
from llm.model import Model
from llm.providers import PROVIDERS, Provider
from llm.retry import Patience

NO_KEY = "none"  # the SDKs want one, also where nobody reads it
SHORT_WAIT_S = 3.0  # a provider asks for: longer ones are durable steps, and people see them

Adapter = Callable[[str, Patience], Model]


def model_of(settings: ModelSettings, providers: Sequence[Provider] = PROVIDERS) -> Model:
    """The models of the preference list, else those whose key is set; each next one is a fallback.

    Raises:
        SettingsInvalid: the list names a provider that there is not, or one whose key is missing.
    """
    wanted = _preferred(settings, providers)
    return _list_of(wanted, settings, providers) if wanted else NoModel(providers)


def models_of(
    settings: ModelSettings, default: Model, providers: Sequence[Provider] = PROVIDERS
) -> Mapping[str, Model]:
    """The models that people may choose, by `provider/model`; behind each stands the list.

    Raises: SettingsInvalid: as `model_of`, of the list that names them.
    """
    wanted = _preferred(settings, providers)
    return {
        label_of(entry): (
            default
            if entry == wanted[0]
            else _list_of([entry, *(each for each in wanted if each != entry)], settings, providers)
        )
        for entry in _allowed(settings, providers)
    }


def offers_of(
    settings: ModelSettings, providers: Sequence[Provider] = PROVIDERS
) -> tuple[Offer, ...]:
    """What people may choose from, the default first; nothing where no model is configured.

    Raises: SettingsInvalid: an entry is no model.
    """
    catalog = _catalog(settings)
    known = {provider.name: provider for provider in providers}
    allowed = _allowed(settings, providers)
    for entry in allowed:
        _check(entry, known, settings)
    return tuple(Offer(label_of(entry), catalog.facts(label_of(entry))) for entry in allowed)


def label_of(entry: str) -> str:
    """`provider/model`, as records and prices have it, of a setting's `PROVIDER:MODEL`."""
    return entry.replace(":", "/", 1)


def _preferred(settings: ModelSettings, providers: Sequence[Provider]) -> tuple[str, ...]:
    return settings.models or tuple(
        f"{provider.name}:{provider.default_model}"
        for provider in providers
        if provider.default_model and settings.key_of(provider)
    )


def _allowed(settings: ModelSettings, providers: Sequence[Provider]) -> tuple[str, ...]:
    """The first of the list always, for it answers where nothing is chosen."""
    wanted = _preferred(settings, providers)
    return tuple(dict.fromkeys((*wanted[:1], *(settings.allowed_models or wanted))))


def _list_of(
    wanted: Sequence[str], settings: ModelSettings, providers: Sequence[Provider]
) -> Model:
    catalog = _catalog(settings)
    known = {provider.name: provider for provider in providers}
    makers: list[Callable[[Patience], Model]] = []
    for entry in wanted:
        provider = _check(entry, known, settings)
        if provider.needs_key and settings.key_of(provider) is None:
            raise SettingsInvalid(f"{provider.key_variable}: needed for {entry!r}")
        make = partial(_adapter(provider, settings, catalog), entry.partition(":")[2])
        makers.append(partial(_deferred, label_of(entry), make, catalog))
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


def _check(entry: str, known: Mapping[str, Provider], settings: ModelSettings) -> Provider:
    """The provider of an entry. Raises: SettingsInvalid: it names none."""
    name, _, model = entry.partition(":")
    provider = known.get(name)
    if provider is not None and model:
        return provider
    variable = "POLARIS_MODELS"
    if entry == settings.small_model:
        variable = "POLARIS_SMALL_MODEL"
    elif entry in settings.allowed_models:
        variable = "POLARIS_ALLOWED_MODELS"
    raise SettingsInvalid(
        f"{variable}: {entry!r} is not PROVIDER:MODEL with one of {', '.join(known)}"
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


def _adapter(provider: Provider, settings: ModelSettings, catalog: Catalog) -> Adapter:
    """What makes a model of the provider from its name."""
    key = settings.key_of(provider) or NO_KEY
    return adapter_of(provider.at(settings.url_of(provider)), key, catalog)


def adapter_of(provider: Provider, key: str, catalog: Catalog) -> Adapter:
    """What makes a model of the provider from its name.

    Each SDK takes about a second to import: see `DeferredModel`.
    """

    def messages(name: str, patience: Patience) -> Model:
        from llm.anthropic_messages import AnthropicModel  # noqa: PLC0415 - see above

        return AnthropicModel(
            name, api_key=key, provider=provider, catalog=catalog, patience=patience
        )

    def chat(name: str, patience: Patience) -> Model:
        if catalog.facts(f"{provider.name}/{name}").api == "responses":
            return responses(name, patience)
        from llm.openai_chat import OpenAIModel  # noqa: PLC0415 - see above

        return OpenAIModel(name, api_key=key, provider=provider, catalog=catalog, patience=patience)

    def responses(name: str, patience: Patience) -> Model:
        from llm.openai_responses import ResponsesModel  # noqa: PLC0415 - see above

        return ResponsesModel(
            name, api_key=key, provider=provider, catalog=catalog, patience=patience
        )

    match provider.protocol:
        case "messages":
            return messages
        case "chat":
            return chat
