"""The product with a GitHub app of its operator's, and browsers that connect accounts in it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import aiohttp

from core.ids import new_id
from tests.support.api_client import Answer, Api, api_at
from tests.support.github import GithubStandIn
from tests.support.issuer import Issuer
from tests.support.product import Program

COOKIE = "polaris_github_login"


def app_environment(product_env: dict[str, str], github: GithubStandIn) -> dict[str, str]:
    return product_env | {
        "GITHUB_SERVER_URL": github.url,
        "GITHUB_API_URL": github.api_url,
        "GITHUB_APP_CLIENT_ID": github.login.client_id,
        "GITHUB_APP_CLIENT_SECRET": github.login.client_secret,
    }


@asynccontextmanager
async def person_at(product: Program, issuer: Issuer) -> AsyncGenerator[Api]:
    """Somebody who was never here before."""
    owner = new_id("user")
    async with api_at(product.ready["api"], owner, issuer.token(owner)) as person:
        yield person


@dataclass
class Browser:
    """What a browser does: it has the cookie of a login, and no token."""

    url: str
    cookie: str | None = None

    async def begin(self, person: Api, back: str | None = None) -> str:
        """A page of the person begins a login in this browser; where it is to go."""
        body = {} if back is None else {"returnTo": back}
        begun = await person.call("POST", "/api/github/connect", body)
        assert begun.status == 200, begun
        self.take(begun.headers)
        return begun.body["url"]

    def take(self, headers: Any) -> None:
        cookie = SimpleCookie(headers["Set-Cookie"])[COOKIE]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "lax")
        assert cookie["path"] == "/api/github/callback"
        self.cookie = cookie.value

    async def get(self, path: str) -> Answer:
        """A navigation; a redirect is not followed."""
        headers = {} if self.cookie is None else {"Cookie": f"{COOKIE}={self.cookie}"}
        async with (
            aiohttp.ClientSession(self.url) as session,
            session.get(path, headers=headers, allow_redirects=False) as response,
        ):
            is_json = response.content_type == "application/json"
            body = await response.json() if is_json else await response.text()
            return Answer(response.status, body, response.headers)


async def connect(person: Api, github: GithubStandIn, login: str = "octo") -> None:
    """The web flow to its end."""
    browser = Browser(person.url)
    url = await browser.begin(person)
    done = await browser.get(github.login.callback(url, login))
    assert done.status == 200, done


async def transfer_over(person: Api, project_id: str) -> dict[str, Any]:
    """How the newest import or export of a project ended."""
    return await transfer_when(person, project_id, lambda it: it["status"] != "running")


async def transfer_when(
    person: Api, project_id: str, holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The newest import or export of a project, once this holds of it."""
    async with asyncio.timeout(60):
        while True:
            rows = (await person.ok("GET", f"/api/projects/{project_id}/transfers"))["transfers"]
            if rows and holds(rows[0]):
                return rows[0]
            await asyncio.sleep(0.05)
