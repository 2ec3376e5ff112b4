import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from core.clock import SystemClock
from embedded_convex.process import ConvexNotRunning
from tests.embedded_convex.api import ADMIN_KEY, Api, FunctionFailed, serving
from tests.support.issuer import PARSABLE, UNPARSABLE, UNSTORABLE, raw_token

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
DISCOVERIES: list[str] = []
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_set(algorithm: Any, public_key: Any) -> str:
    key = {**algorithm.to_jwk(public_key, as_dict=True), "kid": "k1", "use": "sig"}
    return json.dumps({"keys": [key]})


def token(key: Any = KEY, *, algorithm: str = "ES256", minutes: float = 5, **claims: Any) -> str:
    now = SystemClock().now()
    payload = {
        "iss": "https://tests.example",
        "aud": "tests",
        "sub": "user-1",
        "iat": now,
        "exp": now + timedelta(minutes=minutes),
        **claims,
    }
    return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": "k1"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def issuer() -> AsyncIterator[str]:
    """An OIDC provider: discovery and keys."""
    app = web.Application()
    runner = web.AppRunner(app)

    async def discovery(_: web.Request) -> web.Response:
        DISCOVERIES.append("asked")
        return web.json_response({"issuer": url, "jwks_uri": f"{url}/keys"})

    async def keys(_: web.Request) -> web.Response:
        text = key_set(RSAAlgorithm, RSA_KEY.public_key())
        return web.Response(text=text, content_type="application/json")

    app.router.add_get("/.well-known/openid-configuration", discovery)
    app.router.add_get("/keys", keys)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield url
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory, issuer: str) -> AsyncIterator[Api]:
    keys = key_set(ECAlgorithm, KEY.public_key())
    env = {"TEST_JWKS": f"data:application/json,{quote(keys)}", "TEST_OIDC_DOMAIN": issuer}
    async with serving("basic", tmp_path_factory.mktemp("a") / "data.sqlite", env=env) as (_, api):
        yield api


async def test_a_signed_token_says_who_calls(api: Api) -> None:
    signed = token(name="Ada", email="ada@example.org", email_verified=True, org={"id": "o1"})
    assert await api.query("runtime:whoami", f"Bearer {signed}") == {
        "tokenIdentifier": "https://tests.example|user-1",
        "issuer": "https://tests.example",
        "subject": "user-1",
        "name": "Ada",
        "email": "ada@example.org",
        "emailVerified": True,
        "org": {"id": "o1"},
    } | {"org.id": "o1"}


async def test_without_a_token_nobody_calls(api: Api) -> None:
    assert await api.query("runtime:whoami") is None


async def test_a_provider_is_found_by_discovery(api: Api, issuer: str) -> None:
    signed = token(RSA_KEY, algorithm="RS256", iss=issuer, aud=["x", "oidc-tests"])
    identity = await api.query("runtime:whoami", f"Bearer {signed}")
    assert identity["tokenIdentifier"] == f"{issuer}|user-1"


async def test_bad_tokens_do_not_make_us_ask_the_provider_again(api: Api, issuer: str) -> None:
    other_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for _ in range(3):
        bad = token(other_key, algorithm="RS256", iss=issuer, aud="oidc-tests")
        body: dict[str, object] = {"path": "runtime:whoami", "args": {}}
        status, _ = await api.post("/api/query", body, {"Authorization": f"Bearer {bad}"})
        assert status == 401
    good = token(RSA_KEY, algorithm="RS256", iss=issuer, aud="oidc-tests")
    assert await api.query("runtime:whoami", f"Bearer {good}") is not None
    assert len(DISCOVERIES) == 1


@pytest.mark.parametrize(
    "bad",
    [
        lambda: "nonsense",
        lambda: token(OTHER_KEY),
        lambda: token(minutes=-5),
        lambda: token(aud="somebody-else"),
        lambda: token(iss="https://evil.example"),
        lambda: token("x" * 32, algorithm="HS256"),
        lambda: token("", algorithm="none"),
        lambda: token(sub=""),
        lambda: token(iat=SystemClock().now() + timedelta(seconds=60)),  # made when it is used
    ],
    ids=["garbage", "key", "expired", "audience", "issuer", "hmac", "none", "no-subject", "future"],
)
async def test_a_bad_token_is_refused(api: Api, bad: Callable[[], str]) -> None:
    body = {"path": "notes:echo", "args": {"value": 1}}
    status, reply = await api.post("/api/query", body, {"Authorization": f"Bearer {bad()}"})
    assert status == 401
    assert set(reply) == {"code", "message"}


def raw(changes: dict[str, str | None]) -> str:
    return raw_token(KEY, issuer="https://tests.example", audience="tests", key_id="k1", **changes)


@pytest.mark.parametrize(
    "changes",
    [*UNPARSABLE.values(), *({"sub": subject} for subject in UNSTORABLE)],
    ids=[*UNPARSABLE.keys(), *UNSTORABLE],
)
async def test_a_claim_that_cannot_be_read_is_refused_as_by_the_api(
    api: Api, changes: dict[str, str | None]
) -> None:
    body: dict[str, object] = {"path": "runtime:whoami", "args": {}}
    status, reply = await api.post("/api/query", body, {"Authorization": f"Bearer {raw(changes)}"})
    assert (status, set(reply)) == (401, {"code", "message"})


@pytest.mark.parametrize("changes", PARSABLE.values(), ids=PARSABLE.keys())
async def test_a_time_is_any_number_of_seconds(api: Api, changes: dict[str, str | None]) -> None:
    assert (await api.query("runtime:whoami", f"Bearer {raw(changes)}"))["subject"] == "ada"


async def test_a_user_may_not_call_internal_functions(api: Api) -> None:
    with pytest.raises(FunctionFailed, match="Could not find public function"):
        await api.query("notes:secret", f"Bearer {token()}")


async def test_scheduled_functions_run_as_nobody(api: Api) -> None:
    await api.mutation("jobs:schedule", f"Bearer {token()}", delayMs=0, name="as nobody")
    await api.until(lambda ran: "as nobody" in ran, "jobs:ran")
    admin = f"Convex {ADMIN_KEY}"
    assert await api.query("runtime:whoami", admin) is None


async def test_an_unconfigured_provider_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "convex").mkdir()
    (tmp_path / "convex" / "auth.config.ts").write_text(
        "export default { providers: [{ domain: process.env.NOT_SET, applicationID: 'x' }] };"
    )
    with pytest.raises(ConvexNotRunning, match="no `domain`"):
        async with serving(tmp_path / "convex", tmp_path / "data.sqlite"):
            pass


WHOAMI = """
import { queryGeneric as query } from "convex/server";
export const whoami = query({
  handler: async (ctx) => (await ctx.auth.getUserIdentity())?.subject,
});
"""


def write_auth(folder: Path, providers: str) -> Path:
    folder.mkdir()
    (folder / "people.ts").write_text(WHOAMI)
    (folder / "auth.config.ts").write_text(f"export default {{ providers: {providers} }};")
    return folder


async def test_a_provider_may_be_given_as_url_objects(tmp_path: Path, issuer: str) -> None:
    keys = quote(key_set(ECAlgorithm, KEY.public_key()))
    folder = write_auth(
        tmp_path / "convex",
        f"""[
            {{ domain: new URL("{issuer}"), applicationID: "oidc-tests" }},
            {{ type: "customJwt", issuer: new URL("https://tests.example"), algorithm: "ES256",
               jwks: new URL("data:application/json,{keys}") }},
            {{ type: "customJwt", issuer: new URL("https://third.example/tenant"),
               algorithm: "RS256", jwks: new URL("{issuer}/keys") }},
        ]""",
    )
    by_discovery = token(RSA_KEY, algorithm="RS256", iss=issuer, aud="oidc-tests")
    third = token(RSA_KEY, algorithm="RS256", iss="https://third.example/tenant")
    async with serving(folder, tmp_path / "data.sqlite") as (_, api):
        for signed in (by_discovery, token(), third):
            assert await api.query("people:whoami", f"Bearer {signed}") == "user-1"


@pytest.mark.parametrize(
    ("providers", "message"),
    [
        ("[null]", "a provider must be an object"),
        ("[{ domain: 7, applicationID: 'x' }]", "no `domain`"),
        ("[{ domain: 'https://', applicationID: 'x' }]", "`domain` is no URL"),
        (
            "[{ type: 'customJwt', issuer: 'https://a', jwks: 'nowhere', algorithm: 'RS256' }]",
            "`jwks` is no URL",
        ),
        ("[{ domain: 1n, applicationID: 'x' }]", "cannot be read as JSON"),
    ],
)
async def test_a_provider_that_is_none_stops_the_start_with_one_line(
    tmp_path: Path, providers: str, message: str
) -> None:
    folder = write_auth(tmp_path / "convex", providers)
    with pytest.raises(ConvexNotRunning, match=message) as refused:
        async with serving(folder, tmp_path / "data.sqlite"):
            pass
    assert "\n" not in str(refused.value)
