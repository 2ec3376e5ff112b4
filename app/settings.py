"""Settings: what the environment (or `.env`) decides; nothing else reads it."""

import ipaddress
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode, SettingsConfigDict

from app.provider_settings import HTTP_URL, ProviderSettings
from core.invalid import reason_of

if TYPE_CHECKING:
    from engine.storage.encryption import Encryption

_MIB = 1024 * 1024
_MIN_KEY_CHARS = 16  # 64 bits as hex: out of reach of guessing over HTTP


class BusyPolicy(StrEnum):
    """What a new message does to one that is still being answered in the same conversation."""

    CANCEL = "cancel"
    REJECT = "reject"
    QUEUE = "queue"


class SettingsInvalid(Exception):
    """A setting is missing or wrong; the text names each variable and never shows a value."""


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _split_text(value: object) -> object:
    return _split(value) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_text)]


class Settings(ProviderSettings):
    """Every setting with its default; the description is its line in `.env.example`.

    An empty value counts as not set. Fields are filled by their variable's name from the
    environment and `.env`, or by their Python name from code.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",  # the environment is full of other people's variables
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,  # a wrong key must not end up in a log
    )

    host: str = Field(
        default="127.0.0.1",
        validation_alias="POLARIS_HOST",
        description="Address the API listens on; anything but loopback needs POLARIS_AUTH_ISSUER.",
    )
    port: int = Field(
        default=8787,
        ge=0,
        le=65535,
        validation_alias="POLARIS_PORT",
        description="Port the API listens on; 0 picks a free one.",
    )
    data_dir: Path = Field(
        default=Path(".polaris"),
        validation_alias="POLARIS_DATA_DIR",
        description="Folder of the embedded Convex, the SQLite engine and the local user's key.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias="POLARIS_DATABASE_URL",
        description="PostgreSQL of the engine; not set: one SQLite file in the data folder.",
    )
    engine_keys: SecretStr | None = Field(
        default=None,
        validation_alias="POLARIS_ENGINE_KEYS",
        description="Keys (base64 of 32 bytes, comma-separated) of what is stored; first encrypts.",
    )
    convex_url: str | None = Field(
        default=None,
        pattern=HTTP_URL,
        validation_alias="CONVEX_URL",
        description="Convex Cloud or a self-hosted Convex; not set: the embedded one.",
    )
    convex_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        validation_alias="POLARIS_CONVEX_PORT",
        description="Port of the embedded Convex; 0 picks a free one.",
    )
    convex_internal_key: SecretStr | None = Field(
        default=None,
        validation_alias="POLARIS_CONVEX_INTERNAL_KEY",
        description="Secret shared with the Convex functions; needed with CONVEX_URL.",
    )
    auth_issuer: str | None = Field(
        default=None,
        validation_alias="POLARIS_AUTH_ISSUER",
        description="`iss` of the user tokens (Clerk, Stack Auth, OIDC); not set: a local user.",
    )
    auth_jwks: str | None = Field(
        default=None,
        pattern=r"^(https?://|data:)",
        validation_alias="POLARIS_AUTH_JWKS",
        description="Public keys of the issuer (http, data:); not set: at .well-known/jwks.json.",
    )
    auth_audience: str | None = Field(
        default=None,
        validation_alias="POLARIS_AUTH_AUDIENCE",
        description="`aud` that user tokens must have; not set: not checked.",
    )
    busy_policy: BusyPolicy = Field(
        default=BusyPolicy.CANCEL,
        validation_alias="POLARIS_BUSY_POLICY",
        description="What a new message does to a running one: cancel, reject (409) or queue.",
    )
    body_limit_bytes: int = Field(
        default=_MIB,
        ge=1024,
        validation_alias="POLARIS_BODY_LIMIT_BYTES",
        description="Largest request body, except for the content of a file.",
    )
    file_limit_bytes: int = Field(
        default=10 * _MIB,
        ge=1024,
        le=15 * _MIB,  # Convex takes 16 MiB of arguments
        validation_alias="POLARIS_FILE_LIMIT_BYTES",
        description="Largest request body that carries the content of a file.",
    )
    rate_reads: int = Field(
        default=6_000,
        ge=0,
        validation_alias="POLARIS_RATE_READS",
        description="Reading requests that one person may make in a minute; 0: any number.",
    )
    rate_writes: int = Field(
        default=3_000,
        ge=0,
        validation_alias="POLARIS_RATE_WRITES",
        description="Writing requests that one person may make in a minute; 0: any number.",
    )
    rate_messages: int = Field(
        default=600,
        ge=0,
        validation_alias="POLARIS_RATE_MESSAGES",
        description="Messages, retries and events that one person may send in a minute; 0: any.",
    )
    rate_streams: int = Field(
        default=300,
        ge=0,
        validation_alias="POLARIS_RATE_STREAMS",
        description="Realtime streams that one person may open in a minute; 0: any number.",
    )
    cors_origins: Names = Field(
        default=(),
        validation_alias="POLARIS_CORS_ORIGINS",
        description="Origins (comma-separated) whose pages may call the API; none by default.",
    )
    models: Names = Field(
        default=(),
        validation_alias="POLARIS_MODELS",
        description="PROVIDER:MODEL by preference, comma-separated; not set: by the keys set.",
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
    model_wait_s: float = Field(
        default=900.0,
        ge=0,
        le=86_400,
        validation_alias="POLARIS_MODEL_WAIT_S",
        description="Seconds that a turn waits for a provider that says when to ask again.",
    )
    history_tokens: int | None = Field(
        default=None,
        ge=1_000,
        validation_alias="POLARIS_HISTORY_TOKENS",
        description="Most tokens of a conversation to send; not set: what the window holds.",
    )
    max_steps: int = Field(
        default=10,
        ge=1,
        le=200,
        validation_alias="POLARIS_MAX_STEPS",
        description="Model turns an answer may take before it has to end.",
    )
    flush_ms: int = Field(
        default=100,
        ge=10,
        le=5000,
        validation_alias="POLARIS_FLUSH_MS",
        description="How often streamed text is written to Convex, in milliseconds.",
    )
    grace_s: float = Field(
        default=10.0,
        ge=0,
        le=600,
        validation_alias="POLARIS_GRACE_S",
        description="Seconds that running requests and steps get to finish after SIGTERM.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO",
        validation_alias="POLARIS_LOG_LEVEL",
        description="Least level that is logged.",
    )
    log_format: Literal["text", "json"] = Field(
        default="text",
        validation_alias="POLARIS_LOG_FORMAT",
        description="text for people, json for log collectors.",
    )
    sentry_dsn: SecretStr | None = Field(
        default=None,
        validation_alias="SENTRY_DSN",
        description="Where bugs are reported; not set: nowhere.",
    )
    sentry_environment: str = Field(
        default="development",
        validation_alias="SENTRY_ENVIRONMENT",
        description="Name of this deployment in the reports.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        pattern=HTTP_URL,
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="OpenTelemetry collector (OTLP over HTTP) that gets the traces; not set: none.",
    )
    otlp_headers: SecretStr | None = Field(
        default=None,
        validation_alias="OTEL_EXPORTER_OTLP_HEADERS",
        description="Headers of each request to the collector: name=value, comma-separated.",
    )
    service_name: str = Field(
        default="polaris",
        validation_alias="OTEL_SERVICE_NAME",
        description="Name of this service in the traces.",
    )

    @field_validator("convex_url", "auth_jwks", "auth_issuer")
    @classmethod
    def _no_blank(cls, value: str | None) -> str | None:
        return value.strip() if value else None

    @field_validator("convex_internal_key")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < _MIN_KEY_CHARS:
            raise ValueError(f"needs at least {_MIN_KEY_CHARS} characters")
        return value

    @field_validator("engine_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            # The whole engine comes with it, and every command reads settings first.
            from engine.storage.encryption import BadKey, Encryption  # noqa: PLC0415 - see above

            try:
                Encryption(_split(value.get_secret_value()))
            except BadKey as error:
                raise ValueError(str(error)) from None
        return value

    @property
    def encryption(self) -> "Encryption | None":
        """The keys of what the engine stores."""
        if self.engine_keys is None:
            return None
        from engine.storage.encryption import Encryption  # noqa: PLC0415 - as in `_are_keys`

        return Encryption(_split(self.engine_keys.get_secret_value()))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the API."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

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
        if self.convex_url is not None and self.convex_internal_key is None:
            raise ValueError(
                "POLARIS_CONVEX_INTERNAL_KEY: needed with CONVEX_URL; set the same value there"
            )
        return self


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
