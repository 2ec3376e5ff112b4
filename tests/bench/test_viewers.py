"""Viewers are official clients, and their callbacks have times that can be compared with ours."""

from pathlib import Path
from time import monotonic

import pytest

from bench.store import deployment
from bench.viewers import ViewerFailed, Viewers


@pytest.mark.timeout(60)
async def test_every_viewer_is_told_of_a_write_after_it_was_sent(tmp_path: Path) -> None:
    async with deployment(tmp_path) as (calls, url), Viewers() as viewers:
        for number in range(3):
            client = viewers.open(url)
            viewers.subscribe(str(number), client=client, path="rows:newest", args={"group": "a"})
        first = [await viewers.update() for _ in range(3)]
        assert {update.value for update in first} == {-1}
        sent_at = monotonic()
        await calls.add("a", 0)
        told = [await viewers.update() for _ in range(3)]
        assert {(update.subscription, update.value) for update in told} == {
            ("0", 0),
            ("1", 0),
            ("2", 0),
        }
        assert all(sent_at < update.at < monotonic() for update in told)


@pytest.mark.timeout(60)
async def test_a_query_that_fails_is_an_error_and_no_figure(tmp_path: Path) -> None:
    async with deployment(tmp_path) as (_, url), Viewers() as viewers:
        viewers.subscribe("a", client=viewers.open(url), path="rows:newest", args={"group": 1})
        with pytest.raises(ViewerFailed):
            await viewers.update()


@pytest.mark.timeout(60)
async def test_the_indexed_query_of_the_bench_gives_the_rows_that_it_asks_for(
    tmp_path: Path,
) -> None:
    async with deployment(tmp_path) as (calls, _):
        filling = {"start": 0, "count": 100, "perGroup": 50, "text": "t"}
        await calls.call("mutation", "rows:fill", filling)
        rows = await calls.call("query", "rows:page", {"group": "g1", "n": 29})
        assert rows == [{"n": n, "text": "t"} for n in range(29, 49)]
