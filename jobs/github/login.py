"""A GitHub app of the operator's: how a person's tokens are had from GitHub, renewed and revoked.

Sources: GitHub's pages "Authorizing OAuth apps", "Generating a user access token for a GitHub App"
and "Refreshing user access tokens". Refusals come with status 200 and a word in `error`.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

from pydantic import BaseModel, Field, SecretStr, ValidationError

from core.clock import Clock
from jobs.github.accounts import GithubServer
from jobs.github.asking import ask
from jobs.github.problems import GithubAway, LoginNotSetUp, LoginRefused, TokenRefused

TOKEN_CHARS = 4_000
_REFUSED = frozenset({400, 401, 404, 422})  # with a word in `error`, as with 200
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True)
class GithubApp:
    """A GitHub App or an OAuth app. Without a secret there is the device flow only.

    `scopes` are asked of an OAuth app; a GitHub App has permissions. `callback_url` None: the one
    that is registered at GitHub.
    """

    client_id: str
    client_secret: SecretStr | None = None
    scopes: tuple[str, ...] = ("repo", "workflow")
    callback_url: str | None = None


@dataclass(frozen=True)
class Tokens:
    """What GitHub gives. `scopes` None: it has permissions instead, or GitHub does not say."""

    access: SecretStr
    refresh: SecretStr | None = None
    expires_at: datetime | None = None
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Device:
    """What a person types in at `page`, and what is asked with meanwhile, every `interval_s`."""

    code: str = field(repr=False)
    user_code: str
    page: str
    expires_at: datetime
    interval_s: int


@dataclass(frozen=True)
class Pending:
    """The person has not typed the code in yet; ask again after so long."""

    interval_s: int


class _Answer(BaseModel):
    access_token: str | None = Field(None, min_length=1, max_length=TOKEN_CHARS)
    refresh_token: str | None = Field(None, max_length=TOKEN_CHARS)
    expires_in: int | None = Field(None, ge=0, le=10**9)
    scope: str | None = Field(None, max_length=TOKEN_CHARS)
    error: str | None = Field(None, max_length=200)
    interval: int | None = Field(None, ge=0, le=3_600)


class _DeviceAnswer(BaseModel):
    device_code: str = Field(min_length=1, max_length=TOKEN_CHARS)
    user_code: str = Field(min_length=1, max_length=100)
    verification_uri: str = Field(pattern=r"^https?://", max_length=2_000)
    expires_in: int = Field(ge=1, le=86_400)
    interval: int = Field(5, ge=1, le=3_600)


class GithubLogin:
    """Asks GitHub's login pages in the name of the app. Every method but the first asks GitHub.

    Raises, all of them: GithubAway (no answer that can be read, or not in time), LoginRefused,
    LoginNotSetUp.
    """

    def __init__(self, app: GithubApp, server: GithubServer, clock: Clock) -> None:
        self.app = app
        self._server = server
        self._clock = clock

    def authorize_url(self, *, state: str, verifier: str) -> str:
        """Where a browser goes to allow the access; GitHub sends it on to the callback."""
        challenge = hashlib.sha256(verifier.encode()).digest()
        query = {
            "client_id": self.app.client_id,
            "scope": " ".join(self.app.scopes),
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        if self.app.callback_url is not None:
            query["redirect_uri"] = self.app.callback_url
        return f"{self._page('authorize')}?{urlencode(query)}"

    async def exchange(self, code: str, *, verifier: str) -> Tokens:
        """The tokens behind the code that the callback was given; a code holds once."""
        given = {"code": code, "code_verifier": verifier}
        if self.app.callback_url is not None:
            given["redirect_uri"] = self.app.callback_url
        return self._tokens(await self._token_answer(given))

    async def refresh(self, refresh: SecretStr) -> Tokens:
        """New tokens; the old ones hold no more. Raises: TokenRefused too, where they do not."""
        given = {"grant_type": "refresh_token", "refresh_token": refresh.get_secret_value()}
        answer = await self._token_answer(given)
        if answer.error in {"bad_refresh_token", "invalid_grant"}:
            raise TokenRefused
        return self._tokens(answer)

    async def device(self) -> Device:
        """Begin the device flow."""
        given = {"client_id": self.app.client_id, "scope": " ".join(self.app.scopes)}
        url = f"{self._server.server_url.rstrip('/')}/login/device/code"
        answer = await self._asked("POST", url, form=given)
        if "error" in answer:
            raise _refusal(str(answer["error"]))
        try:
            found = _DeviceAnswer.model_validate(answer)
        except ValidationError:
            raise GithubAway("GitHub's answer to a device login cannot be read") from None
        return Device(
            code=found.device_code,
            user_code=found.user_code,
            page=found.verification_uri,
            expires_at=self._clock.now() + timedelta(seconds=found.expires_in),
            interval_s=found.interval,
        )

    async def poll(self, device_code: str) -> Tokens | Pending:
        """Whether the person has typed the code in; a device code gives tokens once."""
        given = {"device_code": device_code, "grant_type": _DEVICE_GRANT}
        answer = await self._token_answer(given)
        if answer.error in {"authorization_pending", "slow_down"}:
            return Pending(answer.interval or 5)
        return self._tokens(answer)

    async def revoke(self, access: SecretStr) -> bool:
        """End a token at GitHub; False where that cannot be done without the app's secret."""
        secret = self.app.client_secret
        if secret is None:
            return False
        url = f"{self._server.api_url.rstrip('/')}/applications/{self.app.client_id}/token"
        login = f"{self.app.client_id}:{secret.get_secret_value()}".encode()
        await self._asked(
            "DELETE",
            url,
            body={"access_token": access.get_secret_value()},
            authorization=f"Basic {base64.b64encode(login).decode()}",
        )
        return True

    async def _token_answer(self, given: Mapping[str, str]) -> _Answer:
        form = {"client_id": self.app.client_id, **given}
        if self.app.client_secret is not None:
            form["client_secret"] = self.app.client_secret.get_secret_value()
        answer = await self._asked("POST", self._page("access_token"), form=form)
        try:
            return _Answer.model_validate(answer)
        except ValidationError:
            raise GithubAway("GitHub's answer to a login cannot be read") from None

    def _tokens(self, answer: _Answer) -> Tokens:
        if answer.error is not None:
            raise _refusal(answer.error)
        if answer.access_token is None:
            raise GithubAway("GitHub's answer to a login has no token")
        expires_at = None
        if answer.expires_in is not None:
            expires_at = self._clock.now() + timedelta(seconds=answer.expires_in)
        return Tokens(
            access=SecretStr(answer.access_token),
            refresh=SecretStr(answer.refresh_token) if answer.refresh_token else None,
            expires_at=expires_at,
            scopes=_scopes(answer),
        )

    def _page(self, name: str) -> str:
        return f"{self._server.server_url.rstrip('/')}/login/oauth/{name}"

    async def _asked(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        body: object = None,
        authorization: str | None = None,
    ) -> dict[str, Any]:
        """A JSON object; empty where none is due."""
        answer = await ask(
            method, url, who="GitHub", form=form, body=body, authorization=authorization
        )
        if answer.status == 204:  # noqa: PLR2004
            return {}
        if isinstance(answer.value, dict):
            value = cast("dict[str, Any]", answer.value)
            if answer.status == 200 or (answer.status in _REFUSED and "error" in value):  # noqa: PLR2004
                return value
        raise GithubAway(f"GitHub answers a login with status {answer.status}")


def _scopes(answer: _Answer) -> tuple[str, ...] | None:
    """GitHub Apps have permissions, and an empty `scope`; so has an OAuth app that got none."""
    if answer.scope is None or has_permissions(answer.access_token or ""):
        return None
    return tuple(name for name in answer.scope.replace(",", " ").split() if name)


def has_permissions(token: str) -> bool:
    """Whether a token is of a kind that has permissions instead of scopes."""
    return token.startswith(("ghu_", "ghs_", "github_pat_"))


_OPERATOR = {
    "application_suspended": "GitHub has suspended the app",
    "device_flow_disabled": "the device flow has to be enabled in the app's settings on GitHub",
    "incorrect_client_credentials": "GitHub does not take GITHUB_APP_CLIENT_ID and "
    "GITHUB_APP_CLIENT_SECRET",
    "redirect_uri_mismatch": "GITHUB_APP_CALLBACK_URL is not registered for the app on GitHub",
    "Not Found": "GitHub does not know GITHUB_APP_CLIENT_ID",
}


def _refusal(word: str) -> Exception:
    """What GitHub's word means for the person."""
    if word in _OPERATOR:
        return LoginNotSetUp(f"{_OPERATOR[word]}. Whoever runs this server has to mend it.")
    return LoginRefused(word)
