"""The session of a page: where Convex is, how people sign in, what is on. It asks for no token."""

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from app.http.access import ServicesDep
from app.http.convex import PREFIX
from app.wire.shapes import Answer

router = APIRouter(tags=["session"])


class LocalAuth(Answer):
    """One local user: the token comes with the address, as `#token=…`, or from `polaris token`."""

    kind: Literal["local"] = "local"


class OidcAuth(Answer):
    """Tokens of an issuer; `clientId` is there where a page may sign in by OIDC with PKCE."""

    kind: Literal["oidc"] = "oidc"
    issuer: str
    audience: str | None = None
    client_id: str | None = None
    scopes: tuple[str, ...] = ()


class SessionAnswer(Answer):
    """What a page has to know at its start."""

    convex_url: str = Field(description="For Convex's clients, relative to this origin.")
    auth: LocalAuth | OidcAuth
    features: dict[str, bool] = Field(
        description="What is on: models, github, terminal, preview, generate."
    )
    language_servers: dict[str, dict[str, str]] = Field(
        description="Those that editors may use, by name: the language of each suffix it knows.",
        examples=[{"ty": {".py": "python", ".pyi": "python"}}],
    )


@router.get("/api/session", response_model_exclude_none=True)
async def get_session(services: ServicesDep) -> SessionAnswer:
    """Where Convex is, how people sign in, and what is on. Nothing in it is secret."""
    facts = services.session
    auth = LocalAuth()
    if facts.issuer is not None:
        auth = OidcAuth(
            issuer=facts.issuer,
            audience=facts.audience,
            client_id=facts.client_id,
            scopes=facts.scopes if facts.client_id is not None else (),
        )
    servers = {name: dict(languages) for name, languages in facts.language_servers.items()}
    return SessionAnswer(
        convex_url=PREFIX, auth=auth, features=dict(facts.features), language_servers=servers
    )
