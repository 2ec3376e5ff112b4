"""A page's session: what it is told at its start, and whose cookies count."""

import json
from urllib.parse import quote

import aiohttp
import pytest

from tests.support.api_client import Answer, Api
from tests.support.issuer import Issuer

pytestmark = pytest.mark.timeout(60)

OURS = "https://ide.example"
CLERK = {"aud": None, "azp": OURS}


async def ask(
    api: Api,
    token: str,
    *,
    method: str = "POST",
    cookie: str = "__session",
    headers: dict[str, str] | None = None,
) -> Answer:
    """A request of a browser: no Authorization, a cookie."""
    given = {"Cookie": f"{cookie}={token}", **(headers or {})}
    body = {"name": "by cookie"} if method == "POST" else None
    async with api.session.request(method, "/api/projects", json=body, headers=given) as answer:
        return Answer(answer.status, await answer.json(), answer.headers)


async def test_a_page_is_told_how_to_begin(api: Api, issuer: Issuer) -> None:
    async with api.session.get("/api/session") as answer:
        told = await answer.json()
    assert told["convexUrl"] == "/convex"
    assert told["auth"] == {
        "kind": "oidc",
        "issuer": issuer.issuer,
        "audience": issuer.audience,
        "scopes": [],
    }
    assert set(told["features"]) == {"models", "generate", "github", "terminal", "preview"}
    assert told["features"]["models"] is True
    assert told["languageServers"]["ty"] == {".py": "python", ".pyi": "python"}
    assert "token" not in json.dumps(told)


async def test_clerks_session_token_counts_from_a_page_of_ours(api: Api, issuer: Issuer) -> None:
    answer = await ask(api, issuer.token(api.owner, **CLERK), headers={"Origin": OURS})
    assert answer.status == 201
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    own = issuer.token(api.owner, aud=None, azp=api.url)
    assert (await ask(api, own, headers={"Origin": api.url})).status == 201


async def test_a_token_with_the_audience_counts_too(api: Api, issuer: Issuer) -> None:
    answer = await ask(api, issuer.token(api.owner), headers={"Origin": OURS})
    assert answer.status == 201


@pytest.mark.parametrize(
    "origin", [None, "https://evil.example", "null", "https://ide.example.evil"]
)
async def test_a_foreign_page_changes_nothing(api: Api, issuer: Issuer, origin: str | None) -> None:
    token = issuer.token(api.owner, **CLERK)
    answer = await ask(api, token, headers={"Origin": origin} if origin else None)
    assert (answer.status, answer.body["code"]) == (403, "foreign_origin")
    assert "Authorization" in answer.body["error"]


async def test_reading_takes_no_origin_but_no_foreign_one(api: Api, issuer: Issuer) -> None:
    token = issuer.token(api.owner, **CLERK)
    assert (await ask(api, token, method="GET")).status == 200
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await ask(api, token, method="GET", headers=headers)).status == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": None},
        {"aud": None, "azp": "https://evil.example"},
        {"aud": "another"},
        {"aud": None, "azp": OURS, "sts": "pending"},
        {"aud": None, "azp": OURS, "iss": "https://evil.example"},
    ],
    ids=str,
)
async def test_a_foreign_cookie_is_no_session(
    api: Api, issuer: Issuer, changes: dict[str, str | None]
) -> None:
    answer = await ask(api, issuer.token(api.owner, **changes), headers={"Origin": OURS})
    assert answer.status == 401


@pytest.mark.parametrize(
    "value", ["x", "%5B", "[1]", quote("[" * 9000), "a.b.c"], ids=lambda it: it[:9]
)
async def test_a_forged_cookie_is_no_session(api: Api, value: str) -> None:
    assert (await ask(api, value, headers={"Origin": OURS})).status == 401
    forged = Issuer().token(api.owner, **CLERK)
    assert (await ask(api, forged, headers={"Origin": OURS})).status == 401


async def test_a_header_goes_before_a_cookie(api: Api, issuer: Issuer) -> None:
    other = issuer.token("another", **CLERK)
    async with api.session.get(
        "/api/projects",
        headers={"Authorization": "Bearer nothing", "Cookie": f"__session={other}", "Origin": OURS},
    ) as answer:
        assert answer.status == 401


async def test_a_socket_takes_a_cookie_from_a_page_of_ours_only(api: Api, issuer: Issuer) -> None:
    project_id = await api.project()
    cookie = {"Cookie": f"__session={issuer.token(api.owner, **CLERK)}"}
    path = f"/api/projects/{project_id}/lsp/none"
    async with api.session.ws_connect(path, headers={**cookie, "Origin": OURS}) as socket:
        await socket.receive()
        assert socket.close_code == 4404  # it is known who asks: there is no such language
    async with api.session.ws_connect(path, headers=cookie) as socket:
        await socket.receive()
        assert socket.close_code == 4403
    foreign = {**cookie, "Origin": "https://evil.example"}
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await api.session.ws_connect(path, headers=foreign)
