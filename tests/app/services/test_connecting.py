"""Logins that are under way: when they end, and where a browser may be sent."""

import base64
import os
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from app.services.connecting import LOGIN_LIFE, BadLogin, Connecting, is_safe_return
from core.clock import ManualClock, SystemClock
from core.ids import OwnerId
from engine import Encryption
from jobs.github.accounts import GithubServer
from jobs.github.connected import ConnectedAccounts
from jobs.github.login import GithubApp, GithubLogin
from jobs.github.problems import LoginNotSetUp
from store import Store

ADA = OwnerId("ada")
SERVER = GithubServer()


def connecting_with(clock: ManualClock, *, secret: str | None = "secret") -> Connecting:  # noqa: S107 - of nobody
    app = GithubApp("id", SecretStr(secret) if secret else None)
    key = base64.b64encode(os.urandom(32)).decode()
    store = Store("http://127.0.0.1:9", internal_key="nobody is asked")
    accounts = ConnectedAccounts(store, Encryption([key]), GithubLogin(app, SERVER, clock), clock)
    return Connecting(accounts, "", SERVER, clock, {"https://ide.example"})


def test_a_login_ends_with_its_time() -> None:
    clock = ManualClock(SystemClock().now())
    connecting = connecting_with(clock)
    begun = connecting.begin(ADA, "/settings")
    state = parse_qs(urlsplit(begun.url).query)["state"][0]
    clock.advance(LOGIN_LIFE.total_seconds() - 1)
    assert connecting.returned(state, browser=begun.browser).back == "/settings"
    assert connecting.returned_to(ADA, state).owner == ADA
    clock.advance(2)
    with pytest.raises(BadLogin):
        connecting.returned(state, browser=begun.browser)
    with pytest.raises(BadLogin):
        connecting.returned_to(ADA, state)


def test_without_a_client_secret_there_are_codes_only() -> None:
    connecting = connecting_with(ManualClock(SystemClock().now()), secret=None)
    with pytest.raises(LoginNotSetUp, match="device code"):
        connecting.begin(ADA, None)


def test_two_logins_have_nothing_in_common() -> None:
    connecting = connecting_with(ManualClock(SystemClock().now()))
    one, two = (connecting.begin(ADA, None) for _ in range(2))
    first, second = (parse_qs(urlsplit(begun.url).query) for begun in (one, two))
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]
    state = first["state"][0]
    with pytest.raises(BadLogin):
        connecting.returned(state, browser=two.browser)
    assert "verifier" not in one.url
    assert one.browser not in one.url + repr(one)


@pytest.mark.parametrize(
    "address", ["/", "/a?b=c#d", "https://ide.example/x", "https://IDE.example", "/https://x"]
)
def test_pages_of_ours_are_safe(address: str) -> None:
    assert is_safe_return(address, {"https://ide.example/"})


@given(st.text(alphabet="/\\:@.#?aeh tps\r\n\t", max_size=20))
@example("///evil.example")
def test_no_text_leads_to_a_host_that_is_not_known(address: str) -> None:
    if is_safe_return(address, {"https://ide.example"}):
        assert address.startswith("/")
        assert address[1:2] not in {"/", "\\"}
