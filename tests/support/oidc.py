"""An OIDC issuer at 127.0.0.1: it asks who one is, gives tokens by PKCE, and renews them."""

import base64
import hashlib
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tests.support.issuer import Issuer

CLIENT = "polaris-page"
READABLE = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}


@dataclass
class OidcIssuer:
    """One public client, one person; codes and refresh tokens count once."""

    lifetime: timedelta
    redirect_uri: str = ""
    """Of the one client; it is registered once the page's port is known."""
    url: str = ""
    asked: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])
    """The queries of the authorization endpoint."""
    grants: list[str] = field(default_factory=list[str])
    """The kinds of those that were honoured."""
    _signer: Issuer = field(init=False)
    _codes: dict[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    _renewals: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self._signer = Issuer(lifetime=self.lifetime)

    def begin(self, url: str) -> None:
        self.url = self._signer.issuer = url

    @property
    def application(self) -> web.Application:
        served = web.Application()
        served.router.add_get("/.well-known/openid-configuration", self._discovery)
        served.router.add_get("/.well-known/jwks.json", self._keys)
        served.router.add_get("/authorize", self._who)
        served.router.add_post("/authorize", self._decide)
        served.router.add_post("/token", self._token)
        return served

    async def _discovery(self, _: web.Request) -> web.Response:
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/.well-known/jwks.json",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        }
        return web.json_response(said, headers=READABLE)

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response(self._signer.jwks)

    async def _who(self, request: web.Request) -> web.Response:
        query = request.query
        known = (query.get("client_id"), query.get("redirect_uri"), query.get("response_type"))
        if known != (CLIENT, self.redirect_uri, "code"):
            raise web.HTTPBadRequest(text=f"not registered: {known}")
        if query.get("code_challenge_method") != "S256" or len(query["code_challenge"]) != 43:
            raise web.HTTPBadRequest(text="PKCE with S256 is asked for")
        self.asked.append(dict(query))
        kept = "".join(
            f'<input type="hidden" name="{name}" value="{escape(query[name])}">'
            for name in ("state", "nonce", "code_challenge")
        )
        page = (
            "<!doctype html><title>Who are you?</title><form method=post>"
            f"{kept}<button name=as value=ada>Ada</button><button name=as value=''>No</button>"
            "</form>"
        )
        return web.Response(text=page, content_type="text/html")

    async def _decide(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        answer = {"state": form["state"], "error": "access_denied"}
        if form["as"]:
            code = secrets.token_urlsafe(16)
            self._codes[code] = form
            answer = {"state": form["state"], "code": code}
        return web.Response(
            status=303, headers={"Location": f"{self.redirect_uri}?{urlencode(answer)}"}
        )

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        claims = self._granted(form) if form.get("client_id") == CLIENT else None
        if claims is None:
            return web.json_response({"error": "invalid_grant"}, status=400, headers=READABLE)
        self.grants.append(form["grant_type"])
        renewal = secrets.token_urlsafe(16)
        self._renewals.add(renewal)
        given = {
            "token_type": "Bearer",
            "expires_in": self.lifetime.total_seconds(),
            "access_token": self._signed(),
            "id_token": self._signed(aud=CLIENT, **claims),
            "refresh_token": renewal,
        }
        return web.json_response(given, headers=READABLE)

    def _granted(self, form: Mapping[str, str]) -> Mapping[str, Any] | None:
        """What an id token says beside its subject; None: the grant is refused."""
        if form.get("grant_type") == "refresh_token":
            known = form.get("refresh_token", "")
            if known not in self._renewals:
                return None
            self._renewals.remove(known)
            return {}
        begun = self._codes.pop(form.get("code", ""), None)
        if begun is None or form.get("redirect_uri") != self.redirect_uri:
            return None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return {"nonce": begun["nonce"]} if challenge == begun["code_challenge"] else None

    def _signed(self, **claims: Any) -> str:
        return self._signer.token(lifetime_s=self.lifetime.total_seconds(), **claims)


@asynccontextmanager
async def oidc_issuer(lifetime: timedelta) -> AsyncGenerator[OidcIssuer]:
    """An issuer that people reach at its `url`; its tokens hold for so long."""
    issuer = OidcIssuer(lifetime)
    runner = web.AppRunner(issuer.application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        issuer.begin(f"http://{host}:{port}")
        yield issuer
    finally:
        await runner.cleanup()
