"""Accounts at the identity provider: Clerk's API as its documentation describes it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from pydantic import SecretStr

from core.ids import OwnerId
from jobs.github import asking
from jobs.github.clerk import ClerkAccounts
from jobs.github.problems import GithubAway, LoginNotSetUp

SECRET = "sk_test_0123456789abcdef"  # noqa: S105 - of nobody
ADA, BEN = OwnerId("user_ada"), OwnerId("user_ben")
TOKEN: dict[str, object] = {
    "object": "oauth_access_token",
    "external_account_id": "eac_1",
    "provider": "oauth_github",
    "token": "gho_ofAda",
    "scopes": ["repo"],
    "public_metadata": {},
    "label": None,
}


class _Clerk(BaseHTTPRequestHandler):
    """What it answers by path; "/" for all others."""

    answers: ClassVar[dict[str, tuple[int, bytes]]] = {}

    def do_GET(self) -> None:
        is_known = self.headers.get("Authorization") == f"Bearer {SECRET}"
        status, body = self.answers.get(self.path, (404, b'{"errors": []}'))
        if not is_known:
            status, body = 401, b'{"errors": []}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
        del format, args


@pytest.fixture
def clerk() -> Iterator[str]:
    _Clerk.answers = {}
    with ThreadingHTTPServer(("127.0.0.1", 0), _Clerk) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def path_of(user: str) -> str:
    return f"/v1/users/{user}/oauth_access_tokens/oauth_github"


async def test_each_person_has_the_token_of_their_own_account(clerk: str) -> None:
    accounts = ClerkAccounts(clerk, SecretStr(SECRET))
    _Clerk.answers[path_of("user_ada")] = 200, json.dumps([TOKEN]).encode()
    _Clerk.answers[path_of("user_ben")] = 200, b"[]"
    assert await accounts.token(ADA) == SecretStr("gho_ofAda")
    assert await accounts.token(BEN) is None
    assert await accounts.token(OwnerId("user_cy")) is None
    page: dict[str, object] = {"data": [TOKEN], "total_count": 1}
    _Clerk.answers[path_of("user_ben")] = 200, json.dumps(page).encode()
    assert await accounts.token(BEN) == SecretStr("gho_ofAda")


async def test_an_id_stays_within_its_place_in_the_path(clerk: str) -> None:
    accounts = ClerkAccounts(clerk, SecretStr(SECRET))
    _Clerk.answers[path_of("user_ada")] = 200, json.dumps([TOKEN]).encode()
    for owner in ("x/../user_ada", "user_ada/oauth_access_tokens/oauth_github?", "..", "user_ada#"):
        assert await accounts.token(OwnerId(owner)) is None


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_clerk_refuses_is_the_operators(clerk: str, status: int) -> None:
    _Clerk.answers[path_of("user_ada")] = status, b"{}"
    with pytest.raises(LoginNotSetUp, match="CLERK_SECRET_KEY"):
        await ClerkAccounts(clerk, SecretStr(SECRET)).token(ADA)


BAD = [(500, b""), (429, b"{}"), (200, b"no json"), (200, b'{"a": 1}'), (200, b'[{"token": 7}]')]


@pytest.mark.parametrize("answer", [*BAD, (302, b"")], ids=str)
async def test_what_cannot_be_read_is_no_answer(clerk: str, answer: tuple[int, bytes]) -> None:
    _Clerk.answers[path_of("user_ada")] = answer
    with pytest.raises(GithubAway, match="Clerk"):
        await ClerkAccounts(clerk, SecretStr(SECRET)).token(ADA)


async def test_a_clerk_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ASK_S", 1.0)
    with pytest.raises(GithubAway, match="Clerk does not answer"):
        await ClerkAccounts("http://127.0.0.1:9", SecretStr(SECRET)).token(ADA)
