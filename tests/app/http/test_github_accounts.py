"""Connecting GitHub accounts over HTTP: the ways that work, and attacks on each door."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from tests.support.api_client import Api
from tests.support.github import File, GithubStandIn, github_stand_in
from tests.support.github.server import Fault
from tests.support.github_app import (
    Browser,
    app_environment,
    connect,
    person_at,
    transfer_over,
)
from tests.support.issuer import Issuer
from tests.support.product import Program, disposable

pytestmark = pytest.mark.timeout(120)  # it starts a product of its own

BACK = "https://ide.example/settings?tab=github"


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GithubStandIn]:
    with github_stand_in(tmp_path_factory.mktemp("github")) as github:
        yield github


@pytest.fixture(scope="module")
def with_app(
    github: GithubStandIn,
    product_env: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Program]:
    env = app_environment(product_env, github)
    with disposable(["dev"], folder=tmp_path_factory.mktemp("app"), env=env) as program:
        yield program


@pytest.fixture
async def ada(with_app: Program, issuer: Issuer) -> AsyncIterator[Api]:
    async with person_at(with_app, issuer) as person:
        yield person


@pytest.fixture
async def eve(with_app: Program, issuer: Issuer) -> AsyncIterator[Api]:
    async with person_at(with_app, issuer) as person:
        yield person


async def status_of(person: Api) -> dict[str, object]:
    return await person.ok("GET", "/api/github/status")


NOT_CONNECTED = {"connected": False}


# --- the ways that work ---


async def test_an_account_is_connected_in_a_browser_and_let_go(
    ada: Api, github: GithubStandIn
) -> None:
    assert await status_of(ada) == NOT_CONNECTED
    browser = Browser(ada.url)
    url = await browser.begin(ada)
    query = parse_qs(urlsplit(url).query)
    assert url.startswith(f"{github.url}/login/oauth/authorize?")
    assert query["scope"] == ["repo workflow"]
    assert ada.owner not in url  # the state is sealed
    done = await browser.get(github.login.callback(url, "octo"))
    assert (done.status, done.body[:33]) == (200, "The GitHub account octo is connec")
    assert "Max-Age=0; Path=/api/github/callback" in done.headers["Set-Cookie"]
    assert await status_of(ada) == {"connected": True, "username": "octo"}
    gone = await ada.ok("DELETE", "/api/github/connection")
    assert gone == {"success": True, "revoked": True}
    assert github.login.given[-1] not in github.users
    assert await status_of(ada) == NOT_CONNECTED
    assert (await ada.ok("DELETE", "/api/github/connection"))["revoked"] is False


async def test_a_browser_goes_back_to_where_it_came_from(ada: Api, github: GithubStandIn) -> None:
    browser = Browser(ada.url)
    url = await browser.begin(ada, BACK)
    done = await browser.get(github.login.callback(url, "octo"))
    assert (done.status, done.headers["Location"]) == (303, f"{BACK}&github=connected")
    url = await browser.begin(ada, BACK)
    state = parse_qs(urlsplit(url).query)["state"][0]
    said = urlencode({"state": state, "error": "access_denied"})
    denied = await browser.get(f"/api/github/callback?{said}")
    back = dict(parse_qsl(urlsplit(denied.headers["Location"]).query))
    assert (back["tab"], back["github"]) == ("github", "failed")
    assert (back["code"], back["error"][:29]) == (
        "github_login_refused",
        "The access was not allowed on",
    )


async def test_the_redirect_is_there_for_who_follows_it(ada: Api, github: GithubStandIn) -> None:
    headers = {"Authorization": f"Bearer {ada.token}"}
    path = "/api/github/connect?returnTo=/done"
    async with ada.session.get(path, headers=headers, allow_redirects=False) as response:
        assert response.status == 302
        browser = Browser(ada.url)
        browser.take(response.headers)
        url = response.headers["Location"]
    done = await browser.get(github.login.callback(url, "octo"))
    assert (done.status, done.headers["Location"]) == (303, "/done?github=connected")


async def test_a_page_hands_in_what_it_was_sent(ada: Api, github: GithubStandIn) -> None:
    url = await Browser(ada.url).begin(ada)
    done = await ada.ok("POST", "/api/github/callback", github.login.allow(url, "octo"))
    assert done == {"success": True, "username": "octo", "scopes": ["repo", "workflow"]}
    assert (await status_of(ada))["connected"] is True


async def test_an_account_is_connected_by_a_code(ada: Api, github: GithubStandIn) -> None:
    begun = await ada.ok("POST", "/api/github/connect/device")
    assert (begun["userCode"], begun["intervalS"]) == ("WDJB-MJHT", 1)
    assert begun["verificationUri"] == "https://github.example/login/device"
    device = {"device": begun["device"]}
    assert next(reversed(github.login.devices)) not in begun["device"]
    pending = await ada.ok("POST", "/api/github/connect/device/poll", device)
    assert (pending["status"], pending["intervalS"]) == ("pending", 5)
    github.login.type_in("octo")
    done = await ada.ok("POST", "/api/github/connect/device/poll", device)
    assert (done["status"], done["username"]) == ("connected", "octo")
    assert (await status_of(ada))["username"] == "octo"
    again = await ada.call("POST", "/api/github/connect/device/poll", device)
    assert (again.status, again.body["code"]) == (400, "github_login_refused")


async def test_scopes_that_are_missing_are_said_with_what_to_do(
    ada: Api, github: GithubStandIn
) -> None:
    github.login.scope = "read:user"
    try:
        url = await Browser(ada.url).begin(ada)
        done = await ada.ok("POST", "/api/github/callback", github.login.allow(url, "octo"))
    finally:
        github.login.scope = "repo,workflow"
    assert (done["scopes"], done["missingScopes"]) == (["read:user"], ["repo"])
    user = {"login": "octo", "url": f"{github.api_url}/user"}
    github.faults.append(
        Fault("GET /api/v3/user", 200, user, {"X-OAuth-Scopes": "read:user, gist"})
    )
    status = await status_of(ada)
    assert (status["scopes"], status["missingScopes"]) == (["read:user", "gist"], ["repo"])
    assert "Disconnect, then connect again and grant it" in str(status["error"])


@pytest.mark.parametrize("place", ["api", "git"])
async def test_a_revoked_token_fails_the_transfer_and_marks_the_account(
    ada: Api, github: GithubStandIn, place: str
) -> None:
    if not github.repositories.exists("octo/mine"):
        github.repositories.make("octo/mine", private=True)
        github.repositories.commit("octo/mine", [File(b"a", b"a\n")])
    await connect(ada, github)
    token = github.login.given[-1]
    if place == "api":
        del github.users[token]  # in GitHub's settings
    else:  # between two steps of the import: git is the first to be refused
        demand = {"WWW-Authenticate": 'Basic realm="GitHub"'}
        github.faults.append(Fault("mine.git/info/refs", 401, {"message": "Bad"}, demand, times=2))
    started = await ada.ok("POST", "/api/github/import", {"url": "octo/mine"})
    transfer = await transfer_over(ada, started["projectId"])
    assert (transfer["status"], transfer["errorCode"]) == ("failed", "github_unauthorized")
    assert transfer["error"].startswith("GitHub not connected")
    asked = len(github.asked)
    status = await status_of(ada)
    assert status["connected"] is False
    assert "Please reconnect" in str(status["error"])
    project = await ada.project()
    export = {"projectId": project, "repoName": "x"}
    refused = await ada.call("POST", "/api/github/export", export)
    assert (refused.status, refused.body["code"]) == (400, "github_unauthorized")
    assert len(github.asked) == asked  # it is known: GitHub is not asked again
    await connect(ada, github)
    assert (await status_of(ada))["connected"] is True


# --- attacks ---


@pytest.mark.parametrize(
    "state",
    [
        "",
        "x",
        "enc1:00000000:AAAA",
        "é",
        "in clear",
    ],
)
async def test_a_forged_state_connects_nothing(ada: Api, github: GithubStandIn, state: str) -> None:
    browser = Browser(ada.url)
    sent = github.login.allow(await browser.begin(ada), "mallory")
    asked = len(github.login.asked)
    if state == "in clear":  # all that it would have to hold
        known = hashlib.sha256((browser.cookie or "").encode()).hexdigest()
        login = {"owner": ada.owner, "verifier": "v", "browser": known, "until": 9_999_999_999}
        state = json.dumps(login)
    forged = sent | {"state": state}
    came = await browser.get(f"/api/github/callback?{urlencode(forged)}")
    handed_in = await ada.call("POST", "/api/github/callback", forged)
    assert (came.status, handed_in.status) == (400, 400)
    assert len(github.login.asked) == asked  # GitHub is not asked
    assert await status_of(ada) == NOT_CONNECTED


async def test_a_state_that_was_changed_or_is_another_secret_is_forged(
    ada: Api, github: GithubStandIn
) -> None:
    browser = Browser(ada.url)
    sent = github.login.allow(await browser.begin(ada), "octo")
    state = sent["state"]
    device = (await ada.ok("POST", "/api/github/connect/device"))["device"]
    middle = len(state) // 2
    changed = state[:middle] + ("A" if state[middle] != "A" else "B") + state[middle + 1 :]
    for forged in (changed, state[:-4], device):
        refused = await ada.call("POST", "/api/github/callback", sent | {"state": forged})
        assert (refused.status, refused.body["code"]) == (400, "bad_github_login"), forged
    refused = await ada.call("POST", "/api/github/connect/device/poll", {"device": state})
    assert (refused.status, refused.body["code"]) == (400, "bad_github_login")


async def test_a_callback_needs_the_browser_that_has_begun(
    ada: Api, eve: Api, github: GithubStandIn
) -> None:
    """Eve begins, and has Ada's browser end it: Ada's account would be Eve's to use."""
    hers = Browser(eve.url)
    path = github.login.callback(await hers.begin(eve), "ada-at-github")
    without, adas = Browser(ada.url), Browser(ada.url)
    await adas.begin(ada)
    for browser in (without, adas, Browser(ada.url, "x"), Browser(ada.url, "")):
        refused = await browser.get(path)
        assert (refused.status, refused.body["code"]) == (400, "bad_github_login")
    assert await status_of(eve) == NOT_CONNECTED
    assert await status_of(ada) == NOT_CONNECTED


async def test_another_persons_state_is_not_taken(
    ada: Api, eve: Api, github: GithubStandIn
) -> None:
    sent = github.login.allow(await Browser(ada.url).begin(ada), "octo")
    refused = await eve.call("POST", "/api/github/callback", sent)
    assert (refused.status, refused.body["code"]) == (400, "bad_github_login")
    assert await status_of(eve) == NOT_CONNECTED
    assert (await ada.ok("POST", "/api/github/callback", sent))["username"] == "octo"


async def test_a_code_holds_once(ada: Api, github: GithubStandIn) -> None:
    browser = Browser(ada.url)
    path = github.login.callback(await browser.begin(ada), "octo")
    assert (await browser.get(path)).status == 200
    again = await browser.get(path)
    assert (again.status, again.body["code"]) == (400, "github_login_refused")
    assert "used already" in again.body["error"]
    assert (await status_of(ada))["username"] == "octo"


async def test_a_code_of_another_login_is_worth_nothing(
    ada: Api, eve: Api, github: GithubStandIn
) -> None:
    """Eve has Ada's code, or slips Ada one of her own: each is bound to its verifier (PKCE)."""
    adas = github.login.allow(await Browser(ada.url).begin(ada), "octo")
    eves = github.login.allow(await Browser(eve.url).begin(eve), "mallory")
    for person, sent in (
        (eve, eves | {"code": adas["code"]}),
        (ada, adas | {"code": eves["code"]}),
    ):
        refused = await person.call("POST", "/api/github/callback", sent)
        assert (refused.status, refused.body["code"]) == (400, "github_login_refused")
        assert await status_of(person) == NOT_CONNECTED


async def test_a_device_code_of_another_person_is_not_taken(
    ada: Api, eve: Api, github: GithubStandIn
) -> None:
    device = (await ada.ok("POST", "/api/github/connect/device"))["device"]
    github.login.type_in("octo")
    asked = len(github.login.asked)
    for forged in (device, "x", next(reversed(github.login.devices)), '{"code":"a","until":9e9}'):
        body = {"device": forged}
        refused = await eve.call("POST", "/api/github/connect/device/poll", body)
        assert (refused.status, refused.body["code"]) == (400, "bad_github_login")
    assert len(github.login.asked) == asked
    assert await status_of(eve) == NOT_CONNECTED


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "https:evil.example",
        "https:///evil.example",
        "https://ide.example@evil.example/",
        "https://ide.example.evil.example/",
        "https://ide.example:8443/",
        "http://ide.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "/a\r\nSet-Cookie: a=b",
        "/\t/evil.example",
        " //evil.example",
        "evil.example",
        "https://[",
    ],
)
async def test_a_login_ends_on_no_foreign_page(ada: Api, back: str) -> None:
    refused = await ada.call("POST", "/api/github/connect", {"returnTo": back})
    assert (refused.status, refused.body["code"]) == (400, "bad_return_address")
    assert refused.body["field"] == "returnTo"
    assert "Set-Cookie" not in refused.headers


BAD_ANSWERS = [
    (500, b"oops"),
    (503, b""),
    (200, b"<html>"),
    (200, b"[1]"),
    (302, b""),
    (200, b"{}"),
]


@pytest.mark.parametrize("answer", BAD_ANSWERS, ids=str)
async def test_a_github_that_answers_nonsense_is_said_to_be_away(
    ada: Api, github: GithubStandIn, answer: tuple[int, bytes]
) -> None:
    sent = github.login.allow(await Browser(ada.url).begin(ada), "octo")
    github.login.answers.append(answer)
    away = await ada.call("POST", "/api/github/callback", sent)
    assert (away.status, away.body["code"]) == (503, "unavailable")
    assert int(away.headers["Retry-After"]) >= 1
    github.login.answers.append(answer)
    assert (await ada.call("POST", "/api/github/connect/device")).status == 503
    browser = Browser(ada.url)
    path = github.login.callback(await browser.begin(ada, "/settings"), "octo")
    github.login.answers.append(answer)
    back = (await browser.get(path)).headers["Location"]
    assert back.startswith("/settings?github=failed&code=github_unavailable&")
    assert await status_of(ada) == NOT_CONNECTED


async def test_what_only_the_operator_can_mend_is_said_so(ada: Api, github: GithubStandIn) -> None:
    for word in ("device_flow_disabled", "incorrect_client_credentials"):
        github.login.answers.append((200, b'{"error": "%s"}' % word.encode()))
        refused = await ada.call("POST", "/api/github/connect/device")
        assert (refused.status, refused.body["code"]) == (400, "github_login_not_set_up")
        assert "Whoever runs this server has to mend it" in refused.body["error"]


async def test_without_an_app_the_doors_say_what_is_missing(api: Api) -> None:
    for path in ("/connect", "/connect/device"):
        refused = await api.call("POST", f"/api/github{path}", {"returnTo": "/"})
        assert (refused.status, refused.body["code"]) == (400, "github_login_not_set_up")
        assert "GITHUB_APP_CLIENT_ID" in refused.body["error"]
    kept = await api.call("DELETE", "/api/github/connection")
    assert (kept.status, kept.body["code"]) == (409, "github_account_kept_elsewhere")
