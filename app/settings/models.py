"""Settings of models: which ones, their keys, and how long they may take.

Those of the providers come from the table in `llm/providers.py`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, create_model

from app.settings.group import HTTP_URL, Group, Names
from llm.providers import PROVIDERS, Provider


def provider_fields(providers: Iterable[Provider]) -> dict[str, Any]:
    """The settings of providers of models: of each its key, if it takes one, and its address."""
    fields: dict[str, Any] = {}
    for provider in providers:
        if provider.needs_key:
            key = Field(
                default=None,
                validation_alias=provider.key_variable,
                description=f"Key of {provider.title}.",
            )
            fields[f"{provider.name}_api_key"] = (SecretStr | None, key)
        url = Field(
            default=None,
            pattern=HTTP_URL,
            validation_alias=provider.url_variable,
            description=f"Address of {provider.title}, or of what speaks as it does; "
            f"not set: {provider.base_url}.",
        )
        fields[f"{provider.name}_base_url"] = (str | None, url)
    return fields


ProviderSettings = create_model("ProviderSettings", __base__=Group, **provider_fields(PROVIDERS))


class ModelSettings(ProviderSettings):
    """Which models answer; a provider whose key is set can be asked."""

    models: Names = Field(
        default=(),
        validation_alias="POLARIS_MODELS",
        description="PROVIDER:MODEL by preference, comma-separated; not set: by the keys set.",
    )
    allowed_models: Names = Field(
        default=(),
        validation_alias="POLARIS_ALLOWED_MODELS",
        description="PROVIDER:MODEL that people may choose, besides the first of POLARIS_MODELS; "
        "not set: all of those.",
    )
    small_model: str | None = Field(
        default=None,
        pattern=r"^[^\s:]+:\S+$",
        validation_alias="POLARIS_SMALL_MODEL",
        description="PROVIDER:MODEL that writes commit messages; not set: the one that answers.",
    )
    model_patience_s: float = Field(
        default=100.0,
        gt=0,
        le=3600,
        validation_alias="POLARIS_MODEL_PATIENCE_S",
        description="Seconds for which a model that does not answer is asked again.",
    )
    model_idle_s: float = Field(
        default=90.0,
        gt=0,
        le=3600,
        validation_alias="POLARIS_MODEL_IDLE_S",
        description="Seconds of silence after which a model's answer counts as broken off.",
    )
    model_first_byte_s: float = Field(
        default=5.0,
        gt=0,
        le=3600,
        validation_alias="POLARIS_MODEL_FIRST_BYTE_S",
        description="Seconds after which a silent model of POLARIS_MODELS gives way to the next.",
    )
    model_table: Path | None = Field(
        default=None,
        validation_alias="POLARIS_MODEL_TABLE",
        description="JSON file with facts of models over those of llm/models.json.",
    )
    reasoning_effort: Names = Field(
        default=(),
        validation_alias="POLARIS_REASONING_EFFORT",
        description="PROVIDER:MODEL=EFFORT, comma-separated: how much each of them is to think.",
    )

    def key_of(self, provider: Provider) -> str | None:
        """The key of a provider of models; None where it is not set, or takes none."""
        key: SecretStr | None = getattr(self, f"{provider.name}_api_key", None)
        return key.get_secret_value() if key else None

    def url_of(self, provider: Provider) -> str:
        """Where a provider of models is."""
        url: str | None = getattr(self, f"{provider.name}_base_url", None)
        return url or provider.base_url
