"""An image that is too large for a row: from the project's files to the model and to people."""

import base64
import os
import struct

import pytest

from llm.model import Image, ModelRequest, ToolResult
from store.records import MessageStatus
from tests.jobs.message.site import TASK, Site
from tests.support.scripted_turns import ScriptedTurns, call, calls, says
from tools.output import PARTS, ImagePart

pytestmark = pytest.mark.timeout(120)

READ = call("c1", "readFile", path="logo.png")


def png(size: int) -> bytes:
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 30, 20)
    return header + os.urandom(size - len(header))


def images(request: ModelRequest) -> list[Image]:
    return [
        image
        for message in request.messages
        for part in message.parts
        if isinstance(part, ToolResult)
        for image in part.images
    ]


async def test_a_large_image_is_shown_to_the_model_and_kept_for_people(site: Site) -> None:
    data = png(2_000_000)
    await site.store.files.write(site.project_id, "logo.png", data, owner=site.owner)
    model = site.model = ScriptedTurns([calls(READ), says("A logo."), says("Again.")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
        assert answer.status is MessageStatus.COMPLETED
        await site.answer(engine, "And now?")
    text = base64.b64encode(data).decode()
    assert images(model.requests[1]) == [Image("image/png", text)]
    assert images(model.requests[2]) == []  # those of earlier answers are not sent again
    parts = await site.store.messages.result_parts(
        answer.message_id, owner=site.owner, turn=0, tool_call_id=READ.call_id
    )
    assert PARTS.validate_python(parts) == (ImagePart("image/png", text),)
    stored = await site.store.files.read(site.project_id, "logo.png", owner=site.owner)
    assert stored.data == data


async def test_another_worker_shows_the_image_that_the_first_one_has_read(site: Site) -> None:
    data = png(300_000)
    await site.store.files.write(site.project_id, "logo.png", data, owner=site.owner)
    script = [calls(READ), says("A logo.")]
    first = site.model = ScriptedTurns(script, by_turn=True, hang_in_turn=1)
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        await first.hanging.wait()
    second = site.model = ScriptedTurns(script, by_turn=True)
    async with site.worker() as engine:
        await engine.wait(run_id, 60)
    message = await site.store.messages.owned(message_id, owner=site.owner)
    assert message.status is MessageStatus.COMPLETED
    assert images(second.requests[-1]) == [Image("image/png", base64.b64encode(data).decode())]
