"""Settings of what is kept: the data folder, the engine's database, Convex."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr, field_validator

from app.settings.group import HTTP_URL, Group, parts, stripped

if TYPE_CHECKING:
    from engine.storage.encryption import Encryption

MIN_KEY_CHARS = 16  # 64 bits as hex: out of reach of guessing over HTTP


class StorageSettings(Group):
    """Where everything is kept, and with which keys."""

    data_dir: Path = Field(
        default=Path(".polaris"),
        validation_alias="POLARIS_DATA_DIR",
        description="Folder of the embedded Convex, the SQLite engine and the local user's key.",
    )
    storage_limit_bytes: int | None = Field(
        default=None,
        ge=0,
        validation_alias="POLARIS_STORAGE_LIMIT_BYTES",
        description="Bytes that a person's files may take; a Convex of its own needs it, too.",
    )
    workspaces_bytes: int = Field(
        default=10 * 1024**3,
        ge=1024**2,
        validation_alias="POLARIS_WORKSPACES_BYTES",
        description="Bytes of project files on a worker's disk; beyond, unused ones go.",
    )
    workspaces_days: float = Field(
        default=7.0,
        gt=0,
        le=3_650,
        validation_alias="POLARIS_WORKSPACES_DAYS",
        description="Days after which unused project files leave a worker's disk.",
    )
    recordings: Path | None = Field(
        default=None,
        validation_alias="POLARIS_RECORDINGS",
        description="Folder for a recording of each answer, for `polaris record`; not set: none.",
    )
    recordings_bytes: int = Field(
        default=1024**3,
        ge=1024**2,
        validation_alias="POLARIS_RECORDINGS_BYTES",
        description="Bytes of all recordings together; beyond, the oldest ones go.",
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

    @field_validator("convex_url")
    @classmethod
    def _url_without_spaces(cls, value: str | None) -> str | None:
        return stripped(value)

    @field_validator("convex_internal_key")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_KEY_CHARS:
            raise ValueError(f"needs at least {MIN_KEY_CHARS} characters")
        return value

    @field_validator("engine_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            # The whole engine comes with it, and every command reads settings first.
            from engine.storage.encryption import BadKey, Encryption  # noqa: PLC0415 - see above

            try:
                Encryption(parts(value.get_secret_value()))
            except BadKey as error:
                raise ValueError(str(error)) from None
        return value

    @property
    def encryption(self) -> "Encryption | None":
        """The keys of what the engine stores."""
        if self.engine_keys is None:
            return None
        from engine.storage.encryption import Encryption  # noqa: PLC0415 - as in `_are_keys`

        return Encryption(parts(self.engine_keys.get_secret_value()))
