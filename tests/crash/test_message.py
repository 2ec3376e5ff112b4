"""kill -9 at every moment of an answer: afterwards everything has happened exactly once."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.crash.conftest import WHOLE_ANSWER, Site
from tests.support.api_client import POLL_S, Api
from tests.support.following import Page, StreamEnded, following, until

pytestmark = pytest.mark.timeout(120)

Moment = Callable[[list[dict[str, Any]]], bool]


def at_once(_asked: list[dict[str, Any]]) -> bool:
    return True


def turn_streams(number: int, chars: int) -> Moment:
    """The model has sent that many characters of its answer to request `number`."""

    def reached(asked: list[dict[str, Any]]) -> bool:
        return len(asked) > number and asked[number]["sent_chars"] >= chars

    return reached


def turn_ended(number: int) -> Moment:
    """The model has sent everything: its turn is being recorded, or its tools run."""

    def reached(asked: list[dict[str, Any]]) -> bool:
        return len(asked) > number and asked[number]["finished_at"] is not None

    return reached


@dataclass(frozen=True)
class Answered:
    """What is left when it is over."""

    message: dict[str, Any]
    shown: str
    files: dict[str, bytes]


async def post(api: Api) -> tuple[str, str]:
    project = await api.project()
    await api.ok("PUT", f"/api/projects/{project}/files/count.txt", data=b"count: 0\n")
    conversation = await api.conversation(project)
    sent = await api.send(conversation, "please do it")
    return project, sent["messageId"]


async def read(api: Api, project: str, message_id: str) -> Answered:
    page = await api.ok("GET", f"/api/messages/{message_id}/deltas?from=0")
    parts: dict[int, str] = {}
    for run in page["runs"]:
        if run["kind"] == "reset":
            parts = {part: text for part, text in parts.items() if part < run["part"]}
        elif run["kind"] == "text":
            parts[run["part"]] = parts.get(run["part"], "") + run["text"]
    paths = ("count.txt", "notes/new.txt")
    return Answered(
        message=await api.message(message_id),
        shown="".join(parts[part] for part in sorted(parts)),
        files={p: await api.ok("GET", f"/api/projects/{project}/files/{p}") for p in paths},
    )


def check(answered: Answered) -> None:
    """Everything happened, and nothing twice."""
    message = answered.message
    assert message["status"] == "completed", message
    assert message["content"] == WHOLE_ANSWER
    assert answered.shown == WHOLE_ANSWER
    assert answered.files == {"count.txt": b"count: 1\n", "notes/new.txt": b"made once\n"}
    calls = [(call["name"], call["status"]) for call in message["toolCalls"]]
    assert calls == [(n, "completed") for n in ("readFile", "writeFile", "editFile")]
    assert len({call["id"] for call in message["toolCalls"]}) == 3


async def check_undo(api: Api, project: str) -> None:
    """Each turn is recorded once, and with all of them undone everything is as it was."""
    checkpoints = f"/api/projects/{project}/checkpoints"
    rows = (await api.ok("GET", checkpoints))["checkpoints"]
    turns = [row["turn"] for row in rows]
    assert turns == sorted(set(turns), reverse=True)
    restored = await api.ok("POST", f"{checkpoints}/{rows[-1]['checkpointId']}/restore")
    assert restored["conflicts"] == []
    files = (await api.ok("GET", f"/api/projects/{project}/files"))["files"]
    assert [entry["path"] for entry in files] == ["count.txt"]
    assert await api.ok("GET", f"/api/projects/{project}/files/count.txt") == b"count: 0\n"


async def killed_when(
    site: Site, api: Api, is_time: Callable[[], Awaitable[bool]]
) -> tuple[str, str]:
    project, message_id = await post(api)
    while not await is_time():  # noqa: ASYNC110 - the model's journal has to be asked
        await asyncio.sleep(POLL_S / 4)
    site.kill()
    site.start()
    await api.until_final(message_id)
    return project, message_id


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(at_once, id="posted"),
        pytest.param(turn_streams(0, 8), id="first-turn-streams"),
        pytest.param(turn_ended(0), id="first-turn-ended"),
        pytest.param(turn_streams(1, 1), id="tools-of-first-turn-ran"),
        pytest.param(turn_ended(1), id="second-turn-ended"),
        pytest.param(turn_streams(2, 300), id="last-turn-streams"),
        pytest.param(turn_ended(2), id="last-turn-ended"),
    ],
)
async def test_answer_is_whole_after_a_kill(site: Site, api: Api, moment: Moment) -> None:
    async def is_time() -> bool:
        return moment(await site.asked())

    project, message_id = await killed_when(site, api, is_time)
    check(await read(api, project, message_id))
    await check_undo(api, project)
    asked = await site.asked()
    assert len(asked) <= 4, "only the interrupted turn may be generated again"


@pytest.mark.parametrize(
    "moment",
    [turn_streams(0, 8), turn_ended(1), turn_streams(2, 300)],
    ids=["first-turn-streams", "second-turn-ended", "last-turn-streams"],
)
async def test_who_follows_has_the_whole_answer_after_a_kill(
    site: Site, api: Api, moment: Moment
) -> None:
    """What it was told and the dead process lost is taken back."""
    project = await api.project()
    await api.ok("PUT", f"/api/projects/{project}/files/count.txt", data=b"count: 0\n")
    conversation = await api.conversation(project)
    await api.send(conversation, "please do it")
    page = Page()

    async def follow() -> None:
        with suppress(aiohttp.ClientError, ConnectionError, StreamEnded):
            async with following(api, conversation, page, after=page.last_id or "0") as names:
                await until(names, "end")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow())
        while not moment(await site.asked()):  # noqa: ASYNC110 - the model's journal has to be asked
            await asyncio.sleep(POLL_S / 4)
        site.kill()
    assert page.ended is None
    site.start()
    while page.ended is None:
        await follow()
    assert page.text == WHOLE_ANSWER


@pytest.mark.parametrize("delay_s", [0.05, 0.33, 0.62, 0.9, 1.2])
@pytest.mark.thorough
async def test_answer_is_whole_after_a_kill_at_any_time(
    site: Site, api: Api, delay_s: float
) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time() + delay_s

    async def is_time() -> bool:
        return loop.time() >= due

    project, message_id = await killed_when(site, api, is_time)
    check(await read(api, project, message_id))
    await check_undo(api, project)


async def test_answer_is_whole_after_three_kills(site: Site, api: Api) -> None:
    project, message_id = await post(api)
    for number, chars in ((0, 8), (1, 8), (2, 200)):
        while not any(  # noqa: ASYNC110 - as above
            asked["sent_chars"] >= chars for asked in (await site.asked())[number:]
        ):
            await asyncio.sleep(POLL_S / 4)
        site.kill()
        site.start()
    await api.until_final(message_id)
    check(await read(api, project, message_id))
    await check_undo(api, project)


async def test_cancelled_answer_stays_cancelled_after_a_kill(site: Site, api: Api) -> None:
    _, message_id = await post(api)
    await api.until_streaming(message_id)
    await api.ok("POST", "/api/messages/cancel", {"messageId": message_id})
    before = await api.message(message_id)
    site.kill()
    site.start()
    await asyncio.sleep(1.0)  # time in which a run that was not ended would write
    assert await api.message(message_id) == before
    assert before["status"] == "cancelled"
    assert before["content"]


STEER = "and mind the notes"


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(turn_streams(0, 8), id="first-turn-streams", marks=pytest.mark.thorough),
        pytest.param(turn_ended(0), id="first-turn-ended"),
        pytest.param(turn_streams(1, 1), id="second-turn-streams", marks=pytest.mark.thorough),
        pytest.param(turn_ended(1), id="second-turn-ended", marks=pytest.mark.thorough),
        pytest.param(turn_streams(2, 300), id="last-turn-streams"),
        pytest.param(turn_ended(2), id="last-turn-ended"),
    ],
)
async def test_what_is_said_meanwhile_is_told_once_after_a_kill(
    site: Site, api: Api, moment: Moment
) -> None:
    project, message_id = await post(api)
    conversation = (await api.message(message_id))["conversationId"]
    while not moment(await site.asked()):  # noqa: ASYNC110 - as above
        await asyncio.sleep(POLL_S / 4)
    sent = await api.send(conversation, STEER, "steer")
    site.kill()
    site.start()
    answer = await api.until_final(sent["messageId"])
    said = await api.message(sent["userMessageId"])
    assert answer["status"] == "completed", answer
    listed = await api.ok("GET", f"/api/conversations/{conversation}/messages")
    if "steers" in said:
        assert (said["steers"], "toldIn" in said) == (message_id, True)
    else:  # it came when the last turn was made, and has an answer of its own
        ids = [each["_id"] for each in listed["messages"]]
        answer = await api.until_final(ids[ids.index(said["_id"]) + 1])
        assert answer["status"] == "completed", answer
    (*_, last) = await site.asked()
    assert json.dumps(last["body"]).count(STEER) == 1
    answered = await read(api, project, answer["messageId"])
    assert answered.shown == answer["content"]
    assert answered.files["count.txt"] == b"count: 1\n"
    assert [each["content"] for each in listed["messages"]].count(STEER) == 1
