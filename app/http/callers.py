"""Who is calling: by the token of a header, or by the session cookie of a page of ours.

A browser adds cookies to whatever any page asks for. So a cookie counts only where the browser says
that the page is of this origin, or of `POLARIS_CORS_ORIGINS`.
"""

from starlette.requests import HTTPConnection

from app.http.context import Services
from app.http.origins import is_of_ours
from app.identity.cookies import session_token
from app.identity.tokens import Caller, ForeignPage

_READING = frozenset({"GET", "HEAD"})
_OWN_PAGES = frozenset({"same-origin", "none"})  # none: typed by the person


async def caller_of_connection(connection: HTTPConnection, authorization: str | None) -> Caller:
    """Who it is; a header goes before a cookie.

    Raises:
        ForeignPage: a cookie is all there is, and it is not known that a page of ours asks.
        Unauthorized: no token, or one that does not hold.
        SubjectNotStorable, KeysUnavailable: as `Authenticator.caller`.
    """
    services: Services = connection.app.state.services
    authenticator = services.authenticator
    token = session_token(connection.cookies, services.session.cookies)
    if authorization is not None or token is None:
        return await authenticator.caller(authorization)
    if not _is_asked_by_a_page_of_ours(connection):
        raise ForeignPage
    return await authenticator.caller_in_a_browser(
        token, is_ours=lambda origin: is_of_ours(origin, connection)
    )


def _is_asked_by_a_page_of_ours(connection: HTTPConnection) -> bool:
    origin = connection.headers.get("origin")
    if origin is not None:
        return is_of_ours(origin, connection)
    if (
        connection.scope.get("method") not in _READING
    ):  # a websocket has none; browsers say its origin
        return False
    return connection.headers.get("sec-fetch-site", "none") in _OWN_PAGES
