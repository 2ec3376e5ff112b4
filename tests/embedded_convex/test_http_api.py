import asyncio
import base64
import json
from io import BytesIO
from typing import Any

import pytest

from tests.embedded_convex.api import ADMIN_KEY, Api, FunctionFailed

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADMIN = f"Convex {ADMIN_KEY}"


async def add(api: Api, list_: str, *ranks: int) -> list[str]:
    return [
        await api.mutation("notes:add", list=list_, rank=rank, text=f"{list_}{rank}")
        for rank in ranks
    ]


async def test_what_a_mutation_wrote_is_read_in_index_order(api: Api) -> None:
    await add(api, "order", 3, 1, 2)
    assert await api.query("notes:ranked", list="order") == ["order1", "order2", "order3"]


async def test_an_index_range_holds_only_its_range(api: Api) -> None:
    await add(api, "range", 1, 2, 3, 4)
    await add(api, "ranges", 9)
    assert await api.query("notes:ranked", list="range", from_=3) == ["range3", "range4"]


async def test_a_failed_mutation_leaves_nothing_and_its_data_reaches_the_caller(api: Api) -> None:
    with pytest.raises(FunctionFailed, match="Uncaught ConvexError") as failed:
        await api.mutation("notes:addThenFail", list="atomic")
    assert failed.value.data == {"code": "no_room", "list": "atomic"}
    assert await api.query("notes:ranked", list="atomic") == []


async def test_a_thrown_error_is_shown_as_convex_shows_it(api: Api) -> None:
    with pytest.raises(
        FunctionFailed, match=r"^\[Request ID: [0-9a-f]+\] Server Error\nUncaught Error: boom"
    ):
        await api.query("notes:fail")


async def test_arguments_must_match_their_validator(api: Api) -> None:
    with pytest.raises(
        FunctionFailed, match="ArgumentValidationError: Object is missing the required field `rank`"
    ):
        await api.mutation("notes:add", list="a", text="b")
    with pytest.raises(FunctionFailed, match=r"Path: \.rank"):
        await api.mutation("notes:add", list="a", text="b", rank="high")


async def test_results_must_match_their_validator(api: Api) -> None:
    with pytest.raises(FunctionFailed, match="ReturnsValidationError: Value does not match"):
        await api.query("runtime:wrongReturn")


async def test_internal_functions_are_the_admins_only(api: Api) -> None:
    with pytest.raises(FunctionFailed, match="Could not find public function for 'notes:secret'"):
        await api.query("notes:secret")
    assert await api.query("notes:secret", ADMIN) == "internal"


async def test_a_wrong_admin_key_is_refused(api: Api) -> None:
    no_arguments: dict[str, object] = {}
    body = {"path": "notes:secret", "args": no_arguments}
    for header in ("Convex wrong", "Convex ", "Basic abc"):
        status, reply = await api.post("/api/query", body, {"Authorization": header})
        assert status == 401
        assert set(reply) == {"code", "message"}


async def test_a_function_is_called_as_what_it_is(api: Api) -> None:
    with pytest.raises(FunctionFailed, match="as Query, but it is defined as Mutation"):
        await api.query("notes:add", list="a", rank=1, text="b")
    with pytest.raises(FunctionFailed, match="Could not find public function for 'notes:nothing'"):
        await api.query("notes:nothing")


async def test_run_and_function_call_whatever_the_path_names(api: Api) -> None:
    body = {"args": {"value": 1}, "format": "json"}
    assert (await api.post("/api/run/notes/echo", body))[1]["value"] == 1
    body = {"path": "notes.js:echo", "args": [{"value": 2}]}
    assert (await api.post("/api/function", body))[1]["value"] == 2


async def test_query_is_taken_by_get(api: Api) -> None:
    params = {"path": "notes:echo", "args": json.dumps({"value": "x"}), "format": "json"}
    async with api.http.get(f"{api.url}/api/query", params=params) as response:
        assert (await response.json())["value"] == "x"


async def test_encoded_values_lose_nothing(api: Api) -> None:
    def packed(number: int) -> str:
        return base64.b64encode(number.to_bytes(8, "little", signed=True)).decode()

    value = {"i": {"$integer": packed(-5)}, "b": {"$bytes": "AQI="}, "f": 1.0, "n": None}
    body = {"path": "notes:echo", "args": {"value": value}, "format": "convex_encoded_json"}
    async with api.http.post(f"{api.url}/api/query", json=body) as response:
        text = await response.text()
    assert json.loads(text)["value"] == value
    assert '"f":1.0' in text


async def test_format_json_is_readable(api: Api) -> None:
    value = {"i": {"$integer": "IQAAAAAAAAA="}, "b": {"$bytes": "AQI="}}
    assert await api.query("notes:echo", value=value) == {"i": "33", "b": "AQI="}


async def test_a_batch_answers_each_of_its_queries(api: Api) -> None:
    queries: list[dict[str, object]] = [
        {"path": "notes:echo", "args": {"value": 1}},
        {"path": "notes:fail", "args": {}},
    ]
    _, reply = await api.post("/api/query_batch", {"queries": queries})
    assert [result["status"] for result in reply["results"]] == ["success", "error"]


async def test_pages_follow_each_other_without_gap(api: Api) -> None:
    await add(api, "pages", 1, 2, 3, 4, 5)
    seen: list[str] = []
    cursor: str | None = None
    is_done = False
    for _ in range(3):
        page: dict[str, Any] = await api.query(
            "notes:page", list="pages", paginationOpts={"numItems": 2, "cursor": cursor}
        )
        seen += [note["text"] for note in page["page"]]
        cursor = page["continueCursor"]
        is_done = page["isDone"] is True
    assert seen == [f"pages{rank}" for rank in range(1, 6)]
    assert is_done


async def test_a_cursor_of_another_query_is_refused(api: Api) -> None:
    await add(api, "cursors", 1, 2)
    page = await api.query(
        "notes:page", list="cursors", paginationOpts={"numItems": 1, "cursor": None}
    )
    with pytest.raises(FunctionFailed, match="InvalidCursor"):
        await api.query(
            "notes:page",
            list="pages",
            paginationOpts={"numItems": 1, "cursor": page["continueCursor"]},
        )


async def test_documents_deleted_while_they_are_read_are_all_deleted(api: Api) -> None:
    await add(api, "clear", *range(70))
    await api.mutation("notes:clear", ADMIN, list="clear")
    assert await api.query("notes:ranked", list="clear") == []


async def test_search_finds_words_and_the_last_one_as_prefix(api: Api) -> None:
    for rank, text in enumerate(["red fish", "blue fish", "blue whale"]):
        await api.mutation("notes:add", list="search", rank=rank, text=text)
    assert await api.query("notes:search", list="search", words="whal") == ["blue whale"]
    assert set(await api.query("notes:search", list="search", words="blue fi")) == {
        "red fish",
        "blue fish",
        "blue whale",
    }
    assert (await api.query("notes:search", list="search", words="blue fish"))[0] == "blue fish"
    assert await api.query("notes:search", list="other", words="fish") == []


async def test_a_second_mutation_waits_for_the_first(api: Api) -> None:
    results = await asyncio.gather(*(add(api, "many", rank) for rank in range(50)))
    assert len({ids[0] for ids in results}) == 50
    assert len(await api.query("notes:ranked", list="many")) == 50


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "BadJsonBody"),
        (b"[]", "BadJsonBody"),
        (b'{"path":"notes:echo"}', "BadJsonBody"),
        (b'{"args":{}}', "BadJsonBody"),
        (b'{"path":"notes:echo","args":{"value":1},"format":"xml"}', "BadFormat"),
    ],
)
async def test_a_malformed_request_is_refused(api: Api, body: bytes, code: str) -> None:
    async with api.http.post(f"{api.url}/api/query", data=body) as response:
        assert response.status == 400
        assert (await response.json())["code"] == code


async def test_a_body_above_16_mib_is_refused(api: Api) -> None:
    body = BytesIO(b'{"path":"notes:echo","args":{"value":"' + b"x" * (17 << 20) + b'"}}')
    async with api.http.post(f"{api.url}/api/query", data=body) as response:
        assert response.status == 413


async def test_unknown_api_paths_are_404_and_wrong_methods_405(api: Api) -> None:
    assert (await api.post("/api/nothing", {}))[0] == 404
    async with api.http.get(f"{api.url}/api/mutation") as response:
        assert response.status == 405


async def test_browsers_of_any_origin_may_call(api: Api) -> None:
    async with api.http.options(f"{api.url}/api/query") as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_log_lines_come_with_the_answer(api: Api) -> None:
    _, reply = await api.post("/api/mutation", {"path": "runtime:logs", "args": {}})
    assert reply["logLines"] == ["[LOG] 'hello' { a: 1 }", "[ERROR] 'bad'"]


async def test_a_target_that_is_no_url_is_refused(api: Api) -> None:
    host, port = api.url.removeprefix("http://").split(":")
    for upgrade in ("", "Upgrade: websocket\r\nConnection: Upgrade\r\n"):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET // HTTP/1.1\r\nHost: {host}\r\n{upgrade}\r\n".encode())
        async with asyncio.timeout(5):
            assert (await reader.readline()).split()[1] in {b"400", b"404"}
        writer.close()
        await writer.wait_closed()


async def test_a_client_that_leaves_in_the_middle_harms_nobody(api: Api) -> None:
    host, port = api.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /api/query HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
    await writer.drain()
    writer.transport.abort()
    assert await api.query("notes:echo", value=1) == 1
