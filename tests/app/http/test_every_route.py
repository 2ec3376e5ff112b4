"""What holds for every route: who may call, how large, what a refusal looks like."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.api_client import Api, api_at
from tests.support.issuer import Issuer
from tests.support.product import Program

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product

MIB = 1024 * 1024
JSON = {"Content-Type": "application/json"}

ROUTES = [
    ("GET", "/api/projects"),
    ("POST", "/api/projects"),
    ("GET", "/api/projects/x/files/a"),
    ("PUT", "/api/projects/x/files/a"),
    ("GET", "/api/projects/x/mcp-servers"),
    ("PUT", "/api/projects/x/mcp-servers"),
    ("GET", "/api/projects/x/settings"),
    ("PATCH", "/api/projects/x/settings"),
    ("GET", "/api/projects/x/processes"),
    ("POST", "/api/projects/x/processes/p1/stop"),
    ("POST", "/api/projects/x/realtime"),
    ("POST", "/api/projects/x/restore"),
    ("POST", "/api/projects/x/mcp-token"),
    ("DELETE", "/api/projects/x/mcp-token"),
    ("POST", "/mcp"),
    ("DELETE", "/mcp"),
    ("GET", "/api/conversations/x"),
    ("PATCH", "/api/conversations/x"),
    ("DELETE", "/api/conversations/x"),
    ("GET", "/api/models"),
    ("GET", "/api/usage"),
    ("GET", "/api/account"),
    ("GET", "/api/account/export"),
    ("DELETE", "/api/account"),
    ("GET", "/api/jobs"),
    ("POST", "/api/jobs/x/pause"),
    ("POST", "/api/jobs/x/resume"),
    ("GET", "/api/runs"),
    ("GET", "/api/runs/counts"),
    ("POST", "/api/runs/realtime"),
    ("POST", "/api/runs/cancel"),
    ("POST", "/api/runs/replay"),
    ("POST", "/api/runs/x/rerun"),
    ("GET", "/api/metrics"),
    ("GET", "/api/conversations/x/asks"),
    ("GET", "/api/conversations/x/events"),
    ("POST", "/api/asks/x/answer"),
    ("GET", "/api/conversations/x/todos"),
    ("GET", "/api/messages/x/tasks"),
    ("POST", "/api/suggestion"),
    ("POST", "/api/quick-edit"),
    ("GET", "/api/projects/x/archive"),
    ("GET", "/api/projects/x/transfers"),
    ("POST", "/api/projects/import?name=x"),
    ("POST", "/api/github/import"),
    ("POST", "/api/github/import/cancel"),
    ("POST", "/api/github/export"),
    ("POST", "/api/github/export/cancel"),
    ("POST", "/api/github/export/reset"),
    ("POST", "/api/github/pull"),
    ("POST", "/api/github/pull/cancel"),
    ("POST", "/api/github/pull-request"),
    ("POST", "/api/github/pull-request/cancel"),
    ("GET", "/api/github/status"),
    ("GET", "/api/github/connect"),
    ("POST", "/api/github/connect"),
    ("POST", "/api/github/connect/device"),
    ("POST", "/api/github/connect/device/poll"),
    ("POST", "/api/github/callback"),
    ("DELETE", "/api/github/connection"),
    ("POST", "/api/chat"),
    ("GET", "/api/chat/x/stream"),
    ("POST", "/api/messages"),
    ("POST", "/api/messages/cancel"),
    ("DELETE", "/api/messages"),
    ("POST", "/api/messages/x/retry"),
    ("POST", "/api/messages/x/edit"),
    ("POST", "/api/projects/x/attachments"),
    ("GET", "/api/messages/x/attachments/0"),
    ("POST", "/api/projects/generate"),
    ("POST", "/api/projects/generate/cancel"),
    ("GET", "/api/projects/generate/status/x"),
    ("POST", "/api/projects/create-with-prompt"),
    ("POST", "/api/projects/create"),
    ("DELETE", "/api/projects/delete"),
    ("POST", "/api/projects/check-limit"),
    ("PUT", "/api/projects/check-limit"),
    ("POST", "/api/autumn/checkout"),
    ("POST", "/api/autumn/portal"),
    ("POST", "/api/autumn/sync"),
    ("GET", "/api/files/x"),
    ("PATCH", "/api/files/x"),
    ("DELETE", "/api/files/x"),
    ("GET", "/api/files/x/path"),
    ("GET", "/api/projects/x/folder-contents"),
    ("GET", "/api/projects/x/search?q=x"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=str)
async def test_without_a_token_every_route_is_closed(
    product: Program, method: str, path: str
) -> None:
    for token in ("", "not.a.token", Issuer().token()):
        async with api_at(product.ready["api"], "nobody", token) as nobody:
            refused = await nobody.call(method, path, data=b"{not json")
        assert refused.status == 401
        assert refused.body == {"error": "Unauthorized", "code": "unauthorized"}
        assert refused.headers["WWW-Authenticate"] == "Bearer"


MALFORMED = [b"{", b"", b"not json", b'{"a":}', b"\xff\xfe", b"[" * 100_000, b'{"a": NaN']


@pytest.mark.parametrize("body", MALFORMED, ids=lambda body: repr(body[:8]))
async def test_malformed_json_is_the_callers_fault(api: Api, body: bytes) -> None:
    for path in ("/api/messages", "/api/projects", "/api/messages/cancel"):
        refused = await api.call("POST", path, data=body, headers=JSON)
        assert refused.status == 400, (path, refused)
        assert set(refused.body) >= {"error", "code"}


@pytest.mark.parametrize("body", [[], "text", 7, None, True], ids=str)
async def test_a_body_that_is_no_object_is_refused(api: Api, body: object) -> None:
    data = json.dumps(body).encode()
    refused = await api.call("POST", "/api/messages", data=data, headers=JSON)
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")


async def test_the_wrong_field_is_named_and_its_value_is_not_repeated(api: Api) -> None:
    body = {"conversationId": "c" * 65, "message": "hello"}
    refused = await api.call("POST", "/api/messages", body)
    assert refused.body["field"] == "conversationId"
    assert "ccc" not in json.dumps(refused.body)


async def test_unknown_routes_and_wrong_methods_answer_in_json(api: Api) -> None:
    nowhere = await api.call("GET", "/api/nowhere")
    assert (nowhere.status, nowhere.body["code"]) == (404, "not_found")
    wrong = await api.call("PUT", "/api/projects")
    assert (wrong.status, wrong.body["code"]) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize("field", ["path", "content"])
async def test_half_a_character_is_refused(api: Api, field: str) -> None:
    body = {"type": "file", "path": "a.txt", "content": "", field: "\ud83d"}
    path = f"/api/projects/{await api.project()}/files"
    refused = await api.call("POST", path, data=json.dumps(body).encode(), headers=JSON)
    assert (refused.status, refused.body["field"]) == (400, field)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=-1"])
async def test_a_wrong_query_is_named(api: Api, query: str) -> None:
    refused = await api.call("GET", f"/api/projects?{query}")
    assert (refused.status, refused.body["field"]) == (400, "limit")


@pytest.mark.parametrize("cursor", ["made-up", "", "%F0%9F%98%80", "AAAAAAAA.AA"])
async def test_a_made_up_cursor_is_refused(api: Api, cursor: str) -> None:
    refused = await api.call("GET", f"/api/projects?cursor={cursor}")
    assert (refused.status, refused.body["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize("text", ["a", "\u00e9\u00e9\u00e9\u00e9", "a b=", "\u0000"])
async def test_what_is_no_base64_is_refused(api: Api, text: str) -> None:
    path = f"/api/projects/{await api.project()}/files/a.bin"
    refused = await api.call("PUT", path, {"contentBase64": text})
    assert (refused.status, refused.body["field"]) == (400, "contentBase64")


async def test_a_body_that_says_it_is_too_large_is_not_read(api: Api) -> None:
    # Only the head is sent: an answer can only come from who does not wait for the body.
    url = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = (
        f"POST /api/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {MIB + 1}\r\n\r\n"
    )
    writer.write(head.encode())
    answer = await reader.read()  # to the end: the connection is closed
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer


async def test_a_body_that_turns_out_too_large_is_cut_off(api: Api) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 65_536

    headers = {**JSON, "Authorization": f"Bearer {api.token}"}
    async with api.session.post("/api/messages", data=endless(), headers=headers) as response:
        assert response.status == 413
        assert (await response.json())["code"] == "body_too_large"


async def test_a_file_may_be_larger_than_a_message_and_has_its_own_limit(api: Api) -> None:
    path = f"/api/projects/{await api.project()}/files/a.bin"
    headers = {"Authorization": f"Bearer {api.token}", "Content-Length": str(10 * MIB + 1)}
    url = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"PUT {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
    assert (await reader.read()).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_every_answer_has_an_id_and_safe_headers(api: Api) -> None:
    for path in ("/api/projects", "/api/nowhere", "/health/live"):
        answer = await api.call("GET", path)
        assert answer.headers["X-Request-Id"].startswith("req_")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Server" not in answer.headers


async def test_a_proxys_request_id_is_kept_and_a_strange_one_is_not(api: Api) -> None:
    kept = await api.call("GET", "/health/live", headers={"X-Request-Id": "proxy-12345678"})
    assert kept.headers["X-Request-Id"] == "proxy-12345678"
    strange = await api.call("GET", "/health/live", headers={"X-Request-Id": 'a" level=ERROR'})
    assert strange.headers["X-Request-Id"].startswith("req_")


async def test_only_the_configured_origins_may_call_from_a_page(api: Api) -> None:
    preflight = {"Access-Control-Request-Method": "POST"}
    good = await api.call(
        "OPTIONS", "/api/messages", headers={"Origin": "https://ide.example", **preflight}
    )
    assert good.headers["Access-Control-Allow-Origin"] == "https://ide.example"
    evil = await api.call(
        "OPTIONS", "/api/messages", headers={"Origin": "https://evil.example", **preflight}
    )
    assert "Access-Control-Allow-Origin" not in evil.headers
    refused = await api.call("GET", "/api/nowhere", headers={"Origin": "https://ide.example"})
    assert refused.headers["Access-Control-Allow-Origin"] == "https://ide.example"


async def test_health_says_how_each_part_does_without_a_token(product: Program) -> None:
    async with api_at(product.ready["api"], "nobody", "") as nobody:
        assert await nobody.ok("GET", "/health/live") == {"status": "ok"}
        for path in ("/health/ready", "/api/health"):
            ready = await nobody.ok("GET", path)
            assert ready["status"] == "ok"
            assert {part["status"] for part in ready["parts"].values()} == {"ok"}
            assert set(ready["parts"]) == {"store", "engine"}


async def test_the_openapi_page_is_complete(product: Program) -> None:
    async with api_at(product.ready["api"], "nobody", "") as nobody:
        document: dict[str, Any] = await nobody.ok("GET", "/openapi.json")
        assert (await nobody.call("GET", "/docs")).status == 200
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) >= 20
    for name, operation in operations:
        assert operation["tags"], name
        assert operation["description"], name
        if " /api/" in name and name not in {"GET /api/health", "GET /api/session"}:
            assert operation["security"], name
            assert {"400", "401", "404"} <= set(operation["responses"]), name
            assert "422" not in operation["responses"], name
    schemas = document["components"]["schemas"]
    assert schemas["NewMessage"]["properties"]["message"]["examples"]
    assert "_id" in schemas["ProjectAnswer"]["properties"]


async def test_the_openapi_page_says_that_times_are_numbers(product: Program) -> None:
    async with api_at(product.ready["api"], "nobody", "") as nobody:
        document: dict[str, Any] = await nobody.ok("GET", "/openapi.json")
    times = {
        f"{name}.{field}": part["properties"][field]
        for name, part in document["components"]["schemas"].items()
        for field in part.get("properties", {})
        if field.endswith("At") or field == "_creationTime"
    }
    assert "ProjectAnswer.updatedAt" in times
    assert {name for name, time in times.items() if "date-time" in json.dumps(time)} == set()
