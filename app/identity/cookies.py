"""The token in a session cookie, as identity providers write it.

Clerk's `__session` is the token itself. Stack Auth's `stack-access` is a JSON list of the refresh
token and the access token, percent-encoded.
"""

import json
from collections.abc import Collection, Mapping
from typing import cast
from urllib.parse import unquote

LIMIT_CHARS = 16_384  # browsers keep 4,096 of a cookie


def session_token(cookies: Mapping[str, str], names: Collection[str]) -> str | None:
    """The token of the first of these cookies that is there and holds one."""
    given = (cookies[name] for name in names if name in cookies)
    return next(filter(None, map(_token_of, given)), None)


def _token_of(value: str) -> str | None:
    if not value or len(value) > LIMIT_CHARS:
        return None
    text = unquote(value)
    if not text.startswith("["):
        return text
    try:
        parts = cast("list[object]", json.loads(text))
    except (ValueError, RecursionError):
        return None
    return next((it for it in parts if isinstance(it, str) and it.count(".") == 2), None)  # noqa: PLR2004 - of a JWT
