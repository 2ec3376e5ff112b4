"""One question over HTTP whose answer is JSON: bounded in time and size, and never sent on."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from jobs.github.problems import GithubAway

ASK_S = 10.0  # from connecting to the last byte
ANSWER_BYTES = 256 * 1024


@dataclass(frozen=True)
class Answered:
    """`value` is the JSON of the body; None where it is none."""

    status: int
    value: object


async def ask(  # noqa: PLR0913 - all by name
    method: str,
    url: str,
    *,
    who: str,
    form: Mapping[str, str] | None = None,
    body: object = None,
    authorization: str | None = None,
) -> Answered:
    """Ask `who`. A redirect is an answer like others: what was sent goes nowhere else.

    Raises:
        GithubAway: there is no answer in time. The text holds nothing of what was sent.
    """
    headers = {"Accept": "application/json", "User-Agent": "polaris"}
    if authorization is not None:
        headers["Authorization"] = authorization
    try:
        async with (
            asyncio.timeout(ASK_S),
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, url, data=form, json=body, allow_redirects=False) as response,
        ):
            raw = await response.content.read(ANSWER_BYTES)
            while raw and (more := await response.content.read(ANSWER_BYTES - len(raw))):
                raw += more
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise GithubAway(f"{who} does not answer: {type(error).__name__}") from None
    try:
        return Answered(response.status, json.loads(raw))
    except ValueError:
        return Answered(response.status, None)
