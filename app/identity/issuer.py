"""Whose tokens are taken, by the API and by Convex alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.identity.local_user import AUDIENCE, ISSUER, open_local_user
from app.settings import Settings
from core.clock import Clock


@dataclass(frozen=True)
class Identity:
    """The issuer of user tokens. `token` is the local user's; None where one is configured.

    `audience` None: any is taken. `algorithm`: of its signatures, which only Convex has to be told;
    None: as its keys say where they are at hand, else RS256.
    """

    issuer: str
    jwks_url: str
    audience: str | None
    token: str | None
    algorithm: str | None = None

    @property
    def convex_environment(self) -> Mapping[str, str]:
        """What `auth.config.ts` reads."""
        environment = {"POLARIS_AUTH_ISSUER": self.issuer, "POLARIS_AUTH_JWKS": self.jwks_url}
        if self.audience is not None:
            environment["POLARIS_AUTH_AUDIENCE"] = self.audience
        if self.algorithm is not None:
            environment["POLARIS_AUTH_ALGORITHM"] = self.algorithm
        return environment


def identity_of(settings: Settings, clock: Clock) -> Identity:
    """The configured issuer, else the local user of the data folder. Raises: BadKeyFile."""
    if settings.auth_issuer is not None:
        jwks_url = settings.auth_jwks or f"{settings.auth_issuer.rstrip('/')}/.well-known/jwks.json"
        return Identity(
            settings.auth_issuer,
            jwks_url,
            settings.auth_audience,
            token=None,
            algorithm=settings.auth_algorithm,
        )
    user = open_local_user(settings.data_dir)
    return Identity(ISSUER, user.jwks_url, AUDIENCE, user.token(clock))
