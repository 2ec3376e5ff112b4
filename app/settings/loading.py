"""All settings together, and how they are read from the environment and `.env`."""

import os
from typing import Self

from pydantic import ValidationError, model_validator

from app.settings.accounts import AccountSettings
from app.settings.answers import AnswerSettings, BusyPolicy
from app.settings.api import ApiSettings
from app.settings.clients import ClientSettings
from app.settings.front_ends import FrontEnd, FrontEndSettings
from app.settings.identity import IdentitySettings
from app.settings.models import ModelSettings
from app.settings.observing import ObservingSettings
from app.settings.storage import StorageSettings
from app.settings.transfers import TransferSettings
from core.invalid import reason_of


class SettingsInvalid(Exception):
    """A setting is missing or wrong; the text names each variable and never shows a value."""


class Settings(
    ObservingSettings,
    ClientSettings,
    AccountSettings,
    FrontEndSettings,
    TransferSettings,
    AnswerSettings,
    ModelSettings,
    IdentitySettings,
    StorageSettings,
    ApiSettings,
):  # Pydantic has the fields of the last one first
    """Every setting with its default."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.auth_issuer is None and not self.is_loopback:
            raise ValueError(
                "POLARIS_HOST: without POLARIS_AUTH_ISSUER the API serves one local user, "
                "so it listens on loopback only"
            )
        if self.auth_issuer is None and (self.auth_jwks or self.auth_audience):
            raise ValueError(
                "POLARIS_AUTH_ISSUER: needed with POLARIS_AUTH_JWKS and POLARIS_AUTH_AUDIENCE"
            )
        if self.auth_issuer is None and self.oidc_client_id is not None:
            raise ValueError("POLARIS_AUTH_ISSUER: needed with POLARIS_OIDC_CLIENT_ID")
        if self.convex_url is not None and self.convex_internal_key is None:
            raise ValueError(
                "POLARIS_CONVEX_INTERNAL_KEY: needed with CONVEX_URL; set the same value there"
            )
        if self.auth_issuer and not all("=" in k.get_secret_value() for k in self.client_keys):
            raise ValueError(
                "POLARIS_EVENT_KEYS, POLARIS_SIGNING_KEYS, POLARIS_TRIGGER_KEYS: with "
                "POLARIS_AUTH_ISSUER there is no local user; write KEY=OWNER"
            )
        if (self.billing_url is None) != (self.billing_key is None):
            raise ValueError("POLARIS_BILLING_URL and POLARIS_BILLING_KEY: set both, or none")
        self._accounts_fit()
        return self

    @property
    def policy_when_busy(self) -> BusyPolicy:
        """What a new message does to a running one; front end J is used to a refusal."""
        if self.front_end is FrontEnd.J and "busy_policy" not in self.model_fields_set:
            return BusyPolicy.REJECT
        return self.busy_policy

    def _accounts_fit(self) -> None:
        if self.github_app_client_id is None and self.github_app_client_secret is not None:
            raise ValueError("GITHUB_APP_CLIENT_ID: needed with GITHUB_APP_CLIENT_SECRET")
        if self.clerk_secret_key is not None and self.auth_issuer is None:
            raise ValueError("POLARIS_AUTH_ISSUER: needed with CLERK_SECRET_KEY; it is Clerk's")
        if self.clerk_secret_key is not None and self.github_app_client_id is not None:
            raise ValueError(
                "CLERK_SECRET_KEY: with GITHUB_APP_CLIENT_ID nobody can tell which one has the "
                "GitHub accounts; set one of them"
            )
        if self.github_app_client_id and self.convex_url and self.engine_keys is None:
            raise ValueError(
                "POLARIS_ENGINE_KEYS: needed with GITHUB_APP_CLIENT_ID and CONVEX_URL, to keep "
                "people's tokens with"
            )


def own_environment() -> dict[str, str]:
    """The environment of this process, to be handed to a child that is a program of its own."""
    return dict(os.environ)


def variable_of(field_name: str) -> str:
    """The environment variable that fills a field."""
    alias = Settings.model_fields[field_name].validation_alias
    if not isinstance(alias, str):
        raise TypeError(field_name)
    return alias


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment and `.env`; `overrides` come from the command line.

    An override of None counts as not given.

    Raises:
        SettingsInvalid: one line for each variable that is missing or wrong.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsInvalid("\n".join(_lines(error))) from None


def _lines(error: ValidationError) -> list[str]:
    lines: list[str] = []
    for problem in error.errors(include_url=False, include_input=False):
        text = reason_of(problem)
        place = str(problem["loc"][0]) if problem["loc"] else ""
        variable = variable_of(place) if place in Settings.model_fields else place
        lines.append(f"{variable}: {text}" if variable else text)
    return lines
