"""Settings of who may call."""

from pydantic import Field, field_validator

from app.settings.group import Group, stripped


class IdentitySettings(Group):
    """The issuer of user tokens; without one there is a local user."""

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

    @field_validator("auth_jwks", "auth_issuer")
    @classmethod
    def _issuer_without_spaces(cls, value: str | None) -> str | None:
        return stripped(value)
