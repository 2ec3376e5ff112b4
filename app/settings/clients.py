"""Settings of clients that were written for Inngest and Trigger.dev: their keys, and whose."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from app.settings.group import Group, parts

_KEY = re.compile(r"[A-Za-z0-9_-]{16,200}(=.{1,256})?")


def _parts_of_text(value: object) -> object:
    return parts(value) if isinstance(value, str) else value


def _are_keys(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if not all(_KEY.fullmatch(key.get_secret_value()) for key in keys):
        raise ValueError(
            "each is KEY or KEY=OWNER; a key has 16 to 200 letters, digits, hyphens or underscores"
        )
    return keys


Keys = Annotated[
    tuple[SecretStr, ...], NoDecode, BeforeValidator(_parts_of_text), AfterValidator(_are_keys)
]


class ClientSettings(Group):
    """Each key has an owner, in whose name jobs start; one without is the local user's."""

    event_keys: Keys = Field(
        default=(),
        validation_alias="POLARIS_EVENT_KEYS",
        description="Event keys of Inngest clients: KEY=OWNER (a token's `sub`), comma-separated.",
    )
    signing_keys: Keys = Field(
        default=(),
        validation_alias="POLARIS_SIGNING_KEYS",
        description="Signing keys of Inngest clients, to look at runs and cancel them; the same.",
    )
    trigger_keys: Keys = Field(
        default=(),
        validation_alias="POLARIS_TRIGGER_KEYS",
        description="Secret keys (TRIGGER_SECRET_KEY) of Trigger.dev clients; the same.",
    )

    @property
    def client_keys(self) -> tuple[SecretStr, ...]:
        """All of them."""
        return (*self.event_keys, *self.signing_keys, *self.trigger_keys)
