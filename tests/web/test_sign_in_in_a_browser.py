"""Signing in on the page, in Chromium, at an OIDC issuer of its own."""

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.support.oidc import CLIENT, oidc_issuer
from tests.support.product import start
from tests.web.people import plays, settings

LIFETIME = timedelta(seconds=13)  # Convex's client renews 10 s before the end
EXPECTED = (
    "ERR_FAILED",  # the issuer is away
    "Failed to authenticate",  # a token that is over
)


@pytest.mark.timeout(120)
async def test_a_person_signs_in_at_an_issuer(tmp_path: Path) -> None:
    async with oidc_issuer(LIFETIME) as issuer:
        env = settings(
            POLARIS_AUTH_ISSUER=issuer.url,
            POLARIS_AUTH_ALGORITHM="ES256",
            POLARIS_AUTH_AUDIENCE="polaris",
            POLARIS_OIDC_CLIENT_ID=CLIENT,
        )
        program = await asyncio.to_thread(start, ["dev"], folder=tmp_path, env=env)
        try:
            issuer.redirect_uri = f"{program.ready['api']}/"
            address = f"{program.ready['api']}/jobs?from=here"
            play = partial(plays, "sign-in.ts", address, tmp_path, provoked=EXPECTED)
            await asyncio.to_thread(play)
        finally:
            program.kill()
    assert [query.get("prompt") for query in issuer.asked] == [None, None, "login"]
    assert {"authorization_code", "refresh_token"} == set(issuer.grants)
    assert all(query["audience"] == "polaris" for query in issuer.asked)
