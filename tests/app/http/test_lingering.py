"""Who is refused in the middle of an upload gets the words of the refusal, not a reset."""

import asyncio

import pytest
from yarl import URL

from tests.support.api_client import Api

MIB = 1024 * 1024
REFUSED = {
    "too large by its length": ("POST", "/api/messages", True, b"413", b'"body_too_large"'),
    "nobody's upload": ("PUT", "/api/projects/p/files/a.bin", False, b"401", b'"unauthorized"'),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_the_refusal_is_read_after_a_slow_upload(api: Api, case: str) -> None:
    method, path, has_token, status, code = REFUSED[case]
    token = f"Authorization: Bearer {api.token}\r\n" if has_token else ""
    answer = await _answer(api.url, f"{method} {path} HTTP/1.1\r\n{token}", 4 * MIB)
    assert answer.startswith(b"HTTP/1.1 " + status), answer[:300]
    assert code in answer


async def test_an_upload_that_waits_for_leave_is_refused_without_it(api: Api) -> None:
    waiting = f"POST /api/messages HTTP/1.1\r\nAuthorization: Bearer {api.token}\r\n"
    answer = await _answer(api.url, f"{waiting}Expect: 100-continue\r\n", 4 * MIB, sends=False)
    assert answer.startswith(b"HTTP/1.1 413"), answer[:300]


async def test_who_sends_no_more_is_not_waited_for_long(api: Api) -> None:
    begun = f"POST /api/messages HTTP/1.1\r\nAuthorization: Bearer {api.token}\r\n"
    async with asyncio.timeout(60):
        answer = await _answer(api.url, begun, 4 * MIB, sends=False)
    assert answer.startswith(b"HTTP/1.1 413"), answer[:300]


async def _answer(url: str, begin: str, length: int, *, sends: bool = True) -> bytes:
    """All that the server says to a client that reads only when it has sent everything."""
    at = URL(url)
    reader, writer = await asyncio.open_connection(at.host, at.port)
    head = (
        f"{begin}Host: {at.authority}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    writer.write(head.encode())
    for _ in range(length // MIB if sends else 0):
        await asyncio.sleep(0.2)  # the server has answered after the first
        writer.write(b"x" * MIB)
        await writer.drain()
    answer = await reader.read()
    writer.close()
    return answer
