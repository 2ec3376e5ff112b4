import asyncio

import pytest

from tests.embedded_convex.api import Api, FunctionFailed

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_time_stands_still_in_a_query(api: Api) -> None:
    result = await api.query("runtime:clock")
    assert result["stands"]
    assert 0 <= result["chance"] < 1


async def test_queries_and_mutations_cannot_fetch_or_wait(api: Api) -> None:
    with pytest.raises(FunctionFailed, match=r"Can't use fetch\(\) in queries and mutations"):
        await api.query("runtime:fetches")
    with pytest.raises(FunctionFailed, match=r"Can't use setTimeout\(\) in queries and mutations"):
        await api.mutation("runtime:sleeps")


async def test_functions_see_their_environment_and_not_the_admin_key(api: Api) -> None:
    assert await api.query("runtime:env", name="GREETING") == "hello"
    assert await api.query("runtime:env", name="CONVEX_ADMIN_KEY") is None


async def test_a_nested_mutation_that_fails_takes_back_only_its_own_writes(api: Api) -> None:
    assert await api.mutation("runtime:nested") == {
        "caught": {"name": "undone"},
        "names": ["beside", "kept", "outer"],
    }
    assert sorted(await api.query("runtime:kinds", kind="nested")) == ["beside", "kept", "outer"]


async def test_what_a_function_left_running_cannot_write(api: Api) -> None:
    await api.mutation("runtime:leak")
    assert "has ended" in await api.action("runtime:leakResult")
    assert await api.query("runtime:kinds", kind="leaked") == []


async def test_use_node_files_have_node(api: Api) -> None:
    assert (await api.action("machine:sha256", text="a")).startswith("ca978112")


async def test_vector_search_gives_the_nearest(api: Api) -> None:
    for name, kind, at in [
        ("east", "a", [1, 0]),
        ("north", "a", [0, 1]),
        ("north-east", "b", [1, 1]),
    ]:
        await api.mutation("runtime:addVector", name=name, kind=kind, at=at)
    assert await api.action("runtime:near", at=[1, 0.1]) == ["east", "north-east"]
    assert await api.action("runtime:near", at=[1, 0.1], kind="a") == ["east", "north"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"text": "x" * (1 << 20)}, "Value is too large"),
        ({"list": [0] * 8193}, "Array length is too long"),
        ({f"f{i}": i for i in range(1025)}, "Object has too many fields"),
        ({"_mine": 1}, "starts with an underscore"),
        ({"é": 1}, "non-control ASCII"),
        ({"$a": 1}, "reserved"),
    ],
)
async def test_a_document_beyond_convexs_limits_is_refused(
    api: Api, value: object, message: str
) -> None:
    with pytest.raises(FunctionFailed, match=message):
        await api.mutation("notes:store", value=value)


async def test_a_document_nested_too_deep_is_refused(api: Api) -> None:
    value: object = 1
    for _ in range(17):
        value = {"a": value}
    with pytest.raises(FunctionFailed, match="too nested"):
        await api.mutation("notes:store", value=value)


@pytest.mark.timeout(60)
async def test_a_transaction_that_does_too_much_is_refused_and_leaves_nothing(api: Api) -> None:
    with pytest.raises(FunctionFailed, match="Too many bytes written in a single function"):
        await api.mutation("runtime:insertMany", count=40, chars=1_000_000)
    with pytest.raises(FunctionFailed, match="Too many writes in a single function execution"):
        await api.mutation("runtime:insertMany", count=16_001, chars=1)
    assert await api.query("runtime:readAll", kind="many") == 0
    with pytest.raises(FunctionFailed, match=r"Too many reads in a single function.*limit: 4096"):
        await api.query("runtime:manyRanges", count=4097)
    for _ in range(3):
        await api.mutation("runtime:insertMany", count=11_000, chars=1)
    with pytest.raises(FunctionFailed, match=r"Too many documents read.*limit: 32000"):
        await api.query("runtime:readAll", kind="many")


async def test_a_mutation_may_schedule_a_thousand(api: Api) -> None:
    with pytest.raises(FunctionFailed, match="Too many functions scheduled"):
        await api.mutation("jobs:scheduleMany", count=1001)


async def test_http_actions_are_served_beside_the_api_and_under_http(api: Api) -> None:
    for prefix in ("", "/http"):
        body = {"list": f"http{prefix}", "text": "posted"}
        async with api.http.post(f"{api.url}{prefix}/notes", json=body) as response:
            assert response.status == 201
            assert response.headers["x-path"] == "/notes"
            assert int(response.headers["Content-Length"]) == len(await response.read())
        assert await api.query("notes:ranked", list=f"http{prefix}") == ["posted"]


async def test_an_http_action_may_stream_its_answer(api: Api) -> None:
    headers = {"x-test": "yes"}
    async with api.http.get(f"{api.url}/echo/a/b?c=d", headers=headers) as response:
        assert await response.text() == "/echo/a/b\n?c=d\nyes\n"


async def test_a_body_that_comes_bit_by_bit_is_passed_on_as_it_comes(api: Api) -> None:
    async with api.http.get(f"{api.url}/waits") as response:
        assert await response.content.readany() == b"first"
        async with api.http.get(f"{api.url}/goes-on"):
            pass
        assert await response.content.read() == b"second"


async def test_http_actions_that_are_not_there_or_fail(api: Api) -> None:
    async with api.http.get(f"{api.url}/none") as response:
        assert response.status == 404
    async with api.http.get(f"{api.url}/fails") as response:
        assert response.status == 500
        assert "http boom" in await response.text()


async def test_the_server_goes_on_while_an_action_waits(api: Api) -> None:
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(api.action("machine:sha256", text="b"))
        await asyncio.gather(*(api.query("runtime:kinds", kind="none") for _ in range(20)))
        await waiting


async def test_a_mutation_that_waits_for_ever_is_ended_and_others_get_their_turn(api: Api) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(failing(api, "runtime:never"))
        other = group.create_task(api.query("runtime:kinds", kind="none"))
    assert "Function execution timed out" in waiting.result()
    assert other.result() == []


async def failing(api: Api, path: str) -> str:
    with pytest.raises(FunctionFailed) as failed:
        await api.mutation(path)
    return str(failed.value)


async def test_a_result_beyond_convexs_limits_is_refused(api: Api) -> None:
    assert len(await api.query("runtime:longList", length=8192)) == 8192
    with pytest.raises(FunctionFailed, match="return value invalid: Array length is too long"):
        await api.query("runtime:longList", length=8193)
