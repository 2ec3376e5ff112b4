"""Settings of who may call."""

from typing import Literal

from pydantic import Field, field_validator

from app.settings.group import Group, Names, stripped


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
    auth_algorithm: Literal["RS256", "ES256"] | None = Field(
        default=None,
        validation_alias="POLARIS_AUTH_ALGORITHM",
        description="The issuer's signatures, for Convex; not set: RS256, or as a data: key says.",
    )
    auth_audience: str | None = Field(
        default=None,
        validation_alias="POLARIS_AUTH_AUDIENCE",
        description="`aud` that user tokens must have; not set: not checked.",
    )

    session_cookies: Names = Field(
        default=("__session",),
        validation_alias="POLARIS_SESSION_COOKIES",
        description="Cookies (comma-separated) that hold a user's token: __session, stack-access.",
    )
    oidc_client_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        validation_alias="POLARIS_OIDC_CLIENT_ID",
        description="With it pages sign people in at POLARIS_AUTH_ISSUER, by OIDC with PKCE.",
    )
    oidc_scopes: Names = Field(
        default=("openid", "profile", "email"),
        validation_alias="POLARIS_OIDC_SCOPES",
        description="Scopes (comma-separated) that pages ask for at that sign-in.",
    )

    @field_validator("auth_jwks", "auth_issuer")
    @classmethod
    def _issuer_without_spaces(cls, value: str | None) -> str | None:
        return stripped(value)
