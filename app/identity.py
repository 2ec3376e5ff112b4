"""Whose tokens are taken, by the API and by Convex alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.auth import Authenticator, KeySet
from app.local_user import AUDIENCE, ISSUER, LocalUser, open_local_user
from app.settings import Settings
from core.clock import Clock


@dataclass(frozen=True)
class Identity:
    """Who judges tokens. `token` is the local user's; None where an issuer is configured."""

    authenticator: Authenticator
    convex_environment: Mapping[str, str]
    token: str | None


def identity_of(settings: Settings, clock: Clock) -> Identity:
    """The configured issuer, else the local user of the data folder. Raises: BadKeyFile."""
    if settings.auth_issuer is not None:
        jwks = settings.auth_jwks or f"{settings.auth_issuer.rstrip('/')}/.well-known/jwks.json"
        return _identity(settings.auth_issuer, jwks, settings.auth_audience, clock, user=None)
    user = open_local_user(settings.data_dir)
    return _identity(ISSUER, user.jwks_url, AUDIENCE, clock, user=user)


def _identity(
    issuer: str, jwks: str, audience: str | None, clock: Clock, *, user: LocalUser | None
) -> Identity:
    environment = {"POLARIS_AUTH_ISSUER": issuer, "POLARIS_AUTH_JWKS": jwks}
    if audience is not None:
        environment["POLARIS_AUTH_AUDIENCE"] = audience
    keys = KeySet(jwks, clock)
    return Identity(
        authenticator=Authenticator(issuer=issuer, audience=audience, keys=keys),
        convex_environment=environment,
        token=None if user is None else user.token(clock),
    )
