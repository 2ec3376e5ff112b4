"""The token in the cookies of identity providers."""

import json
from urllib.parse import quote

from app.identity.cookies import session_token

JWT = "head.claims.signature"


def test_clerks_cookie_is_the_token() -> None:
    assert session_token({"__session": JWT}, ("__session",)) == JWT


def test_stack_auths_cookie_has_the_access_token_beside_the_refresh_token() -> None:
    value = quote(json.dumps(["refresh", JWT]))
    assert session_token({"stack-access": value}, ("__session", "stack-access")) == JWT


def test_a_cookie_that_holds_none_gives_way_to_the_next() -> None:
    cookies = {"a": "", "b": "[not json", "c": JWT}
    assert session_token(cookies, ("a", "b", "c")) == JWT
    assert session_token(cookies, ("a", "b")) is None
    assert session_token({}, ("a",)) is None
