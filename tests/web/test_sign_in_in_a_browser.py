"""Signing in on the page, in Chromium, at an OIDC issuer of its own."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from core.node import NODE
from tests.support.oidc import CLIENT, oidc_issuer
from tests.support.product import environment, start
from tests.web.test_in_a_browser import PEOPLE

LIFETIME = timedelta(seconds=13)  # Convex's client renews 10 s before the end
EXPECTED = (
    "ERR_FAILED",  # the issuer is away
    "Failed to authenticate",  # a token that is over
)


@pytest.mark.timeout(120)
async def test_a_person_signs_in_at_an_issuer(tmp_path: Path) -> None:
    async with oidc_issuer(LIFETIME) as issuer:
        env = environment(
            POLARIS_PORT="0",
            POLARIS_DATA_DIR="data",
            POLARIS_AUTH_ISSUER=issuer.url,
            POLARIS_AUTH_ALGORITHM="ES256",
            POLARIS_AUTH_AUDIENCE="polaris",
            POLARIS_OIDC_CLIENT_ID=CLIENT,
        )
        program = await asyncio.to_thread(start, ["dev"], folder=tmp_path, env=env)
        try:
            issuer.redirect_uri = f"{program.ready['api']}/"
            person = await asyncio.create_subprocess_exec(
                NODE,
                PEOPLE / "sign-in.ts",
                f"{program.ready['api']}/jobs?from=here",
                tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, problems = await person.communicate()
        finally:
            program.kill()
    assert person.returncode == 0, problems.decode()[-3000:]
    seen = json.loads(out.splitlines()[-1])
    strange = [text for text in seen["complaints"] if not any(part in text for part in EXPECTED)]
    assert not strange, "\n".join(strange)
    assert not seen["violations"], "\n".join(seen["violations"])
    assert [query.get("prompt") for query in issuer.asked] == [None, None, "login"]
    assert {"authorization_code", "refresh_token"} == set(issuer.grants)
    assert all(query["audience"] == "polaris" for query in issuer.asked)
