import pytest

from app.http.preview.heads import COOKIE, to_the_browser, to_the_server

Pairs = list[tuple[bytes, bytes]]


def test_the_server_is_asked_as_if_on_its_own_machine() -> None:
    given = [
        (b"host", b"pabc.localhost:8788"),
        (b"origin", b"http://pabc.localhost:8788"),
        (b"cookie", f"a=1; {COOKIE}=secret; b=2".encode()),
        (b"cookie", f"{COOKIE}=secret".encode()),
        (b"connection", b"keep-alive, x"),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"expect", b"100-continue"),
        (b"authorization", b"Basic eA=="),
        (b"content-length", b"3"),
    ]
    assert to_the_server(given, port=5173) == [
        (b"host", b"localhost:5173"),
        (b"authorization", b"Basic eA=="),
        (b"content-length", b"3"),
        (b"cookie", b"a=1; b=2"),
        (b"origin", b"http://localhost:5173"),
        (b"connection", b"close"),
    ]


def test_a_websocket_stays_one() -> None:
    given = [(b"host", b"x"), (b"connection", b"Upgrade"), (b"upgrade", b"WebSocket")]
    assert to_the_server(given, port=1) == [
        (b"host", b"localhost:1"),
        (b"connection", b"Upgrade"),
        (b"upgrade", b"websocket"),
    ]


@pytest.mark.parametrize(
    ("location", "passed"),
    [
        ("/next", "/next"),
        ("next?a=1#b", "next?a=1#b"),
        ("http://localhost:5173/x?y=1#z", "/x?y=1#z"),
        ("http://127.0.0.1:8787/api/projects", "/api/projects"),
        ("//127.0.0.1:8787/api", "/api"),
        ("http://[::1]:8787/", "/"),
        ("http://0.0.0.0:1/", "/"),
        ("http://LOCALHOST.:1", "/"),
        ("http://a.localhost/x", "/x"),
        ("http://127.9.9.9//evil.example/x", "/evil.example/x"),
        ("https://example.com/x", "https://example.com/x"),
        ("http://10.0.0.1/x", "http://10.0.0.1/x"),
        ("http://[", "http://["),
    ],
)
def test_a_redirect_to_a_loopback_leads_to_the_preview(location: str, passed: str) -> None:
    assert to_the_browser([(b"location", location.encode())])[0] == (b"location", passed.encode())


@pytest.mark.parametrize(
    ("cookie", "passed"),
    [
        ("a=1; Path=/; HttpOnly", "a=1; Path=/; HttpOnly"),
        ("a=1; Domain=localhost; Path=/", "a=1; Path=/"),
        ("a=1;domain = .localhost", "a=1"),
        (f"{COOKIE}=mine", None),
        (f" {COOKIE.upper()} =mine; Path=/", None),
    ],
)
def test_cookies_are_of_their_own_host_and_never_ours(cookie: str, passed: str | None) -> None:
    found = [
        value
        for name, value in to_the_browser([(b"set-cookie", cookie.encode())])
        if name == b"set-cookie"
    ]
    assert found == ([] if passed is None else [passed.encode()])


def test_what_is_of_a_whole_host_is_dropped() -> None:
    given: Pairs = [
        (b"strict-transport-security", b"max-age=1"),
        (b"alt-svc", b"h3"),
        (b"keep-alive", b"timeout=5"),
        (b"content-type", b"text/html"),
    ]
    assert to_the_browser(given) == [(b"content-type", b"text/html"), (b"connection", b"close")]
