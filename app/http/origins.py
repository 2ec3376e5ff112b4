"""Which page asks: browsers say it in `Origin`, and no page can say another."""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection


def comes_from_a_page_of_ours(connection: HTTPConnection) -> bool:
    """Whether no page asks, or one of this origin or of the configured ones.

    Browsers let any page open a websocket anywhere, and say which page it was.
    """
    origin = connection.headers.get("origin")
    return origin is None or is_of_ours(origin, connection)


def is_of_ours(origin: str, connection: HTTPConnection) -> bool:
    """Whether an `Origin` is this one, or a configured one."""
    if origin in connection.app.state.origins:
        return True
    return is_of_host(origin, connection.headers.get("host", ""))


def is_of_host(origin: str, host: str) -> bool:
    """Whether an `Origin` header names the same place as a `Host` header."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower() != ""
    except ValueError:  # it names none
        return False
