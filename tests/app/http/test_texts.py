"""Texts that PostgreSQL cannot hold are refused at the rim, wherever they stand in a request."""

import asyncio
import base64
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.http.events import NewEvent
from app.http.files.content import content_of
from tests.support.api_client import Answer, Api

JSON = {"Content-Type": "application/json"}
NUL, HALF = "\0", "\ud800"


def refuses(answer: Answer, *, field: str | None = None) -> bool:
    assert answer.status == 400, answer
    assert set(answer.body) >= {"error", "code"}
    return answer.body["code"] == "invalid_request" and answer.body.get("field") == field


@pytest.mark.parametrize("text", [NUL, HALF], ids=["nul", "half"])
async def test_a_body_may_not_hold_one(api: Api, text: str) -> None:
    project, chat = await api.project(), await api.conversation()
    bodies: list[tuple[str, str, dict[str, Any], str]] = [
        ("POST", "/api/projects", {"name": f"a{text}"}, "name"),
        ("PATCH", f"/api/projects/{project}", {"name": text}, "name"),
        (
            "PATCH",
            f"/api/projects/{project}",
            {"settings": {"devCommand": f"npm{text}"}},
            "settings.devCommand",
        ),
        ("POST", f"/api/projects/{project}/conversations", {"title": f"{text}a"}, "title"),
        ("POST", "/api/messages", {"conversationId": chat, "message": f"hi{text}"}, "message"),
        ("POST", "/api/messages", {"conversationId": text, "message": "hi"}, "conversationId"),
        ("POST", "/api/messages/cancel", {"messageId": text}, "messageId"),
        ("DELETE", "/api/messages", {"messageId": text}, "messageId"),
        ("POST", f"/api/projects/{project}/files", {"type": "file", "path": f"a{text}"}, "path"),
        (
            "POST",
            f"/api/projects/{project}/files",
            {"type": "file", "path": "a", "content": text},
            "content",
        ),
        (
            "POST",
            f"/api/projects/{project}/files/rename",
            {"path": "a", "newPath": text},
            "newPath",
        ),
    ]
    for method, path, body, field in bodies:
        data = json.dumps(body).encode()
        assert refuses(await api.call(method, path, data=data, headers=JSON), field=field), path
    assert (await api.ok("GET", f"/api/projects/{project}/files"))["files"] == []


@pytest.mark.parametrize("text", ["%00", "a%00b", "%ed%a0%80", "%ff"])
async def test_an_address_may_not_hold_one(api: Api, text: str) -> None:
    project = await api.project()
    for method, path in [
        ("GET", f"/api/runs/{text}"),
        ("POST", f"/api/runs/{text}/cancel"),
        ("GET", f"/api/events/{text}"),
        ("GET", f"/api/messages/{text}"),
        ("DELETE", f"/api/projects/{text}"),
        ("PUT", f"/api/projects/{project}/files/{text}"),
        ("GET", f"/api/runs?job={text}"),
        ("GET", f"/api/runs?field=data.a={text}"),
        ("GET", f"/api/events?name={text}"),
        ("GET", f"/api/runs?cursor={text}"),
        ("GET", f"/api/projects?cursor={text}"),
        ("GET", f"/api/realtime?token={text}"),
    ]:
        assert refuses(await raw(api, method, path)), (method, path)


async def raw(api: Api, method: str, path: str, header: bytes = b"") -> Answer:
    """A request as it is written: clients tidy addresses up."""
    url = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {api.token}\r\n"
        "Connection: close\r\nContent-Length: 0\r\n"
    )
    writer.write(head.encode() + header + b"\r\n")
    answer = await reader.read()
    writer.close()
    first, _, body = answer.partition(b"\r\n\r\n")
    return Answer(int(first.split()[1]), json.loads(body), {})


async def test_a_header_may_not_hold_one(api: Api) -> None:
    for header in (b"Idempotency-Key: a\0b\r\n", b"Accept: \0\r\n", b"X\0Y: 1\r\n"):
        assert refuses(await raw(api, "GET", "/api/projects", header)), header


async def test_a_file_given_as_text_may_not_hold_one(api: Api) -> None:
    path = f"/api/projects/{await api.project()}/files/a.txt"
    assert refuses(await api.call("PUT", path, {"content": f"a{NUL}b"}), field="content")
    half = await api.call("PUT", path, data=b'{"content": "\\ud800"}', headers=JSON)
    assert (half.status, half.body["code"]) == (400, "malformed_json")  # it is no JSON text


async def test_a_file_with_a_nul_goes_and_comes_as_bytes(api: Api) -> None:
    files = f"/api/projects/{await api.project()}/files"
    await api.ok("PUT", f"{files}/a.bin", {"contentBase64": base64.b64encode(b"a\0b").decode()})
    await api.ok("PUT", f"{files}/b.bin", data=b"a\0b")
    for name in ("a.bin", "b.bin"):
        read = await api.ok("GET", f"{files}/{name}", headers={"Accept": "application/json"})
        assert "content" not in read
        assert base64.b64decode(read["contentBase64"]) == b"a\0b"


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"a": {"b": [1, "x\0"]}}, ("data", "a", "b", 1)),
        ({"a": {"x\0": 1}}, ("data", "a")),
        ({"a": [{"b": HALF}]}, ("data", "a", 0, "b")),
        ({HALF: 1}, ("data",)),
    ],
)
def test_the_data_of_an_event_is_searched_to_its_depth(
    data: dict[str, Any], place: tuple[str | int, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        NewEvent.model_validate({"name": "a/b", "data": data})
    assert refused.value.errors()[0]["loc"] == place


def test_deep_data_is_searched_without_recursion() -> None:
    deep: Any = "x\0"
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(ValidationError, match="NUL"):
        NewEvent.model_validate({"name": "a/b", "data": {"a": deep}})


def test_a_body_that_is_read_as_json_names_its_field() -> None:
    with pytest.raises(RequestValidationError) as refused:
        content_of(b'{"content": "a\\u0000"}')
    assert refused.value.errors()[0]["loc"] == ("body", "content")
