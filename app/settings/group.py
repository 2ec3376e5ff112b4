"""What the settings of each subject are made of."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

HTTP_URL = r"^https?://[^\s/]+"
ADDRESS = r"^([a-zA-Z0-9.-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}$"


def parts(text: str) -> tuple[str, ...]:
    """What stands between commas, without spaces around it."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _parts_of_text(value: object) -> object:
    return parts(value) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts_of_text)]


def _addresses(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(re.match(ADDRESS, name) for name in names):
        raise ValueError("each is host:port, such as npm.example.com:443")
    return names


Addresses = Annotated[Names, AfterValidator(_addresses)]


def stripped(value: str | None) -> str | None:
    """Without spaces around it; None stays None."""
    return value.strip() if value else None


class Group(BaseSettings):
    """Settings of one subject; all of them together are `Settings`.

    The description of a field is its line in `.env.example`. Fields are filled by their variable's
    name from the environment and `.env`, or by their Python name from code. An empty value counts
    as not set.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",  # the environment is full of other people's variables
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
        defer_build=True,  # of all these models only `Settings` is ever filled
        hide_input_in_errors=True,  # a wrong key must not end up in a log
    )
