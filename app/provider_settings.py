"""Settings of the providers of models: made from their table, so that a provider is one entry."""

from collections.abc import Iterable
from typing import Any

from pydantic import Field, SecretStr, create_model
from pydantic_settings import BaseSettings

from llm.providers import PROVIDERS, Provider

HTTP_URL = r"^https?://[^\s/]+"


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


_Fields = create_model("_Fields", __base__=BaseSettings, **provider_fields(PROVIDERS))


class ProviderSettings(_Fields):
    """The key and the address of each provider of `llm/providers.py`."""

    def key_of(self, provider: Provider) -> str | None:
        """The key of a provider of models; None where it is not set, or takes none."""
        key: SecretStr | None = getattr(self, f"{provider.name}_api_key", None)
        return key.get_secret_value() if key else None

    def url_of(self, provider: Provider) -> str:
        """Where a provider of models is."""
        url: str | None = getattr(self, f"{provider.name}_base_url", None)
        return url or provider.base_url
