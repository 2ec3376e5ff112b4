"""Connecting GitHub accounts: the web flow and the device flow of the operator's GitHub app.

Nothing is kept between the steps of a login: what has to be remembered travels with the person,
sealed and bound to what it is for. So a callback may arrive at another process, and a login that
is given up leaves nothing.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from core.clock import Clock
from core.errors import Conflict, Refused
from core.ids import OwnerId
from engine import KeyMissing
from engine.storage.encryption import Tampered, sealed_under
from jobs.github.accounts import GithubServer
from jobs.github.clients import client_of
from jobs.github.connected import ConnectedAccounts
from jobs.github.login import Pending, Tokens, has_permissions
from jobs.github.problems import GithubAway, LimitReached, LoginNotSetUp, LoginRefused

M = TypeVar("M", bound=BaseModel)

LOGIN_LIFE = timedelta(minutes=10)  # as long as GitHub's codes hold
NEEDED_SCOPES = ("repo",)  # less of it reads public repositories, and pushes to none
_STATE = "github login in a browser"


class BadReturn(Refused):
    """A login is not to end there."""

    code = "bad_return_address"
    field = "returnTo"

    def __init__(self) -> None:
        super().__init__(
            "returnTo must be a path, or an address of an origin of POLARIS_CORS_ORIGINS"
        )


class BadLogin(Refused):
    """It is no login that this person has begun here in the last ten minutes."""

    code = "bad_github_login"

    def __init__(self) -> None:
        super().__init__(
            "This login was not begun here by you, or is older than ten minutes. Connect again."
        )


class NotDisconnectable(Conflict):
    """The account was not connected here."""

    code = "github_account_kept_elsewhere"


class Login(BaseModel):
    """A login in a browser that is under way. `browser` is the hash of what its cookie holds."""

    model_config = ConfigDict(frozen=True)

    owner: OwnerId
    verifier: str
    browser: str
    until: float
    back: str | None = None


class _Device(BaseModel):
    code: str
    until: float


@dataclass(frozen=True)
class Begun:
    """Where the browser goes, and the secret by which it is known when it comes back.

    `is_https`: it comes back by https, as far as that is known here.
    """

    url: str
    browser: str = field(repr=False)
    expires_at: datetime
    is_https: bool


@dataclass(frozen=True)
class BegunDevice:
    """What a person types in where. `device` is asked with, every `interval_s`."""

    user_code: str
    verification_uri: str
    expires_at: datetime
    interval_s: int
    device: str = field(repr=False)


@dataclass(frozen=True)
class Connected:
    """Whose account is connected now. `missing_scopes`: of those that imports and exports need."""

    username: str
    scopes: tuple[str, ...] | None
    missing_scopes: tuple[str, ...] | None


@dataclass(frozen=True)
class Connecting:
    """`connected` None: accounts are not connected here, and `why_not` says so."""

    connected: ConnectedAccounts | None
    why_not: str
    server: GithubServer
    clock: Clock
    origins: Collection[str] = ()

    def begin(self, owner: OwnerId, back: str | None) -> Begun:
        """Begin the web flow. Raises: BadReturn, LoginNotSetUp."""
        connected = self._set_up()
        if connected.login.app.client_secret is None:
            raise LoginNotSetUp("its app has no client secret here. Connect by a device code.")
        if back is not None and not is_safe_return(back, self.origins):
            raise BadReturn
        browser, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        expires_at = self.clock.now() + LOGIN_LIFE
        login = Login(
            owner=owner,
            verifier=verifier,
            browser=_hash_of(browser),
            until=expires_at.timestamp(),
            back=back,
        )
        state = connected.sealing.seal(login.model_dump_json(), bound_to=_STATE)
        return Begun(
            url=connected.login.authorize_url(state=state, verifier=verifier),
            browser=browser,
            expires_at=expires_at,
            is_https=(connected.login.app.callback_url or "").startswith("https:"),
        )

    def returned(self, state: str, *, browser: str | None) -> Login:
        """The login with which this browser comes back. Raises: BadLogin, LoginNotSetUp."""
        login = self._opened(Login, state, _STATE)
        if browser is None or not hmac.compare_digest(login.browser, _hash_of(browser)):
            raise BadLogin
        return login

    def returned_to(self, owner: OwnerId, state: str) -> Login:
        """The login that a page of this person hands in. Raises: BadLogin, LoginNotSetUp."""
        login = self._opened(Login, state, _STATE)
        if login.owner != owner:
            raise BadLogin
        return login

    async def complete(self, login: Login, *, code: str | None, error: str | None) -> Connected:
        """Connect the account that has allowed it.

        Raises: LoginRefused, GithubAway, LoginNotSetUp, TokenRefused, LimitReached.
        """
        if code is None:
            raise LoginRefused(error or "")
        tokens = await self._set_up().login.exchange(code, verifier=login.verifier)
        return await self._connect(login.owner, tokens)

    async def begin_device(self, owner: OwnerId) -> BegunDevice:
        """Begin the device flow. Raises: LoginRefused, GithubAway, LoginNotSetUp."""
        connected = self._set_up()
        device = await connected.login.device()
        kept = _Device(code=device.code, until=device.expires_at.timestamp())
        return BegunDevice(
            user_code=device.user_code,
            verification_uri=device.page,
            expires_at=device.expires_at,
            interval_s=device.interval_s,
            device=connected.sealing.seal(kept.model_dump_json(), bound_to=_device_of(owner)),
        )

    async def poll(self, owner: OwnerId, device: str) -> Connected | Pending:
        """Whether the person has typed the code in; the account is connected once they have.

        Raises: BadLogin, and as `complete`.
        """
        kept = self._opened(_Device, device, _device_of(owner))
        found = await self._set_up().login.poll(kept.code)
        return found if isinstance(found, Pending) else await self._connect(owner, found)

    async def disconnect(self, owner: OwnerId) -> bool:
        """Forget the account; whether its token was ended at GitHub, too.

        Raises: NotDisconnectable.
        """
        if self.connected is None:
            raise NotDisconnectable(f"There is nothing to disconnect here: {self.why_not}")
        return await self.connected.disconnect(owner)

    async def _connect(self, owner: OwnerId, tokens: Tokens) -> Connected:
        with await client_of(self.server, tokens.access, self.clock) as client:
            try:
                account = await client.account()
            except LimitReached:
                raise GithubAway("GitHub takes no requests of this account now") from None
        await self._set_up().connect(owner, account.login, tokens)
        scopes = tokens.scopes
        return Connected(
            account.login, scopes, missing_of(scopes, tokens.access.get_secret_value())
        )

    def _set_up(self) -> ConnectedAccounts:
        if self.connected is None:
            raise LoginNotSetUp(self.why_not)
        return self.connected

    def _opened(self, model: type[M], text: str, bound_to: str) -> M:
        """What was sealed for this purpose, and has not expired."""
        sealing = self._set_up().sealing
        if sealed_under(text) is None:
            raise BadLogin  # `open` gives such a text back as it is
        try:
            found = model.model_validate_json(sealing.open(text, bound_to=bound_to))
        except (KeyMissing, Tampered, ValidationError):
            raise BadLogin from None
        until: float = getattr(found, "until", 0.0)
        if datetime.fromtimestamp(until, UTC) < self.clock.now():
            raise BadLogin
        return found


def missing_of(scopes: Collection[str] | None, token: str) -> tuple[str, ...] | None:
    """Which scopes imports and exports would need; None where none is missing, or none is known."""
    if scopes is None or has_permissions(token):
        return None
    return tuple(name for name in NEEDED_SCOPES if name not in scopes) or None


def words_of_missing(missing: Collection[str]) -> str:
    """What a person does about scopes that are missing."""
    return (
        f"The connected GitHub account has not granted: {', '.join(missing)}. Private repositories "
        "and exports need it. Disconnect, then connect again and grant it."
    )


def is_safe_return(address: str, origins: Collection[str]) -> bool:
    """Whether a browser may be sent there: a path of our own, or a page of a known origin."""
    if not address.isascii() or any(not "!" <= char <= "~" or char == "\\" for char in address):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if not parts.scheme and not parts.netloc:
        return address.startswith("/") and not address.startswith("//")
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    return origin in {known.lower().rstrip("/") for known in origins}


def _device_of(owner: OwnerId) -> str:
    return f"github device of {owner}"


def _hash_of(browser: str) -> str:
    return hashlib.sha256(browser.encode(errors="replace")).hexdigest()
