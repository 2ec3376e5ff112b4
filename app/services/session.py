"""What a page has to know before anybody has signed in."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SessionFacts:
    """How people sign in here, and what is on.

    `issuer` None: there is one local user, whose token stands in the ready line of `polaris dev`.
    `client_id` and `scopes` are for a sign-in by OIDC with PKCE, which needs no secret.
    """

    issuer: str | None
    audience: str | None
    client_id: str | None
    scopes: tuple[str, ...]
    cookies: tuple[str, ...]
    features: Mapping[str, bool]
    language_servers: Mapping[str, Mapping[str, str]]
    """Of each that editors may use, by name: the language of each suffix it knows."""
