"""What people attach to messages: what the model is given of it, now and in later messages."""

import base64

import pytest

from llm.model import Image, ModelRequest, TextPart
from store.records import MessageStatus, NewAttachment, NewImage
from tests.jobs.message.site import TASK, Site
from tests.jobs.message.test_steering import Interrupted
from tests.support.pictures import png
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

pytestmark = pytest.mark.timeout(120)

SEEN = Image("image/png", base64.b64encode(png()).decode())


async def upload(site: Site, name: str = "shot.png") -> NewAttachment:
    image = NewImage(png(), "image/png", 3, 2, name)
    made = await site.store.attachments.upload(site.project_id, image, owner=site.owner)
    return NewAttachment("image", attachment_id=made.attachment_id)


def said(request: ModelRequest) -> str:
    return "\n".join(
        part.text
        for message in request.messages
        for part in message.parts
        if isinstance(part, TextPart)
    )


def images(request: ModelRequest) -> list[Image]:
    return [
        part for message in request.messages for part in message.parts if isinstance(part, Image)
    ]


async def test_the_model_is_given_images_and_lines_now_and_in_later_messages(site: Site) -> None:
    lines = NewAttachment("file", path="a.ts", start_line=8, end_line=9, text="b\nc")
    cut = NewAttachment("file", path="long.txt", text="x", is_cut=True)
    model = site.model = ScriptedTurns([says("I see."), says("Again.")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK, await upload(site), lines, cut)
        assert answer.status is MessageStatus.COMPLETED
        await site.answer(engine, "And now?")
    first, second = model.requests
    assert first.messages[0].parts == (
        SEEN,
        TextPart(
            f"{TASK}\n\n"
            "[Attached: image shot.png (image/png, 3 x 2 pixels)]\n\n"
            "[Attached: a.ts:8-9, as it was when this was sent]\n8\tb\n9\tc\n\n"
            "[Attached: long.txt, as it was when this was sent]\n1\tx\n"
            "[The rest is too long to be attached: read the file.]"
        ),
    )
    assert second.messages[0] == first.messages[0], "the beginning stays, byte by byte"


async def test_a_file_that_changes_later_is_told_as_it_was(site: Site) -> None:
    await site.store.files.write(site.project_id, "a.ts", b"old", owner=site.owner)
    attached = NewAttachment("file", path="a.ts", text="old")
    model = site.model = ScriptedTurns(
        [calls(call("c1", "writeFile", path="a.ts", content="new")), says("Done."), says("Yes.")]
    )
    async with site.worker() as engine:
        await site.answer(engine, TASK, attached)
        await site.answer(engine, "And now?")
    assert all("1\told" in said(request) for request in model.requests)


async def test_of_many_images_the_newest_are_shown_and_the_others_are_named(site: Site) -> None:
    model = site.model = ScriptedTurns([says("I see."), says("Again.")])
    async with site.worker() as engine:
        await site.answer(engine, TASK, *[await upload(site, f"a{n}.png") for n in range(20)])
        await site.answer(engine, "And these?", await upload(site, "b.png"))
    first, second = model.requests
    assert (len(images(first)), len(images(second))) == (20, 20)
    assert "image a0.png (image/png, 3 x 2 pixels)]" in said(first)
    assert "image a0.png (image/png, 3 x 2 pixels); it is not shown here any more]" in said(second)
    assert "image a1.png (image/png, 3 x 2 pixels)]" in said(second)


async def test_what_steers_an_answer_may_have_an_image(site: Site) -> None:
    attached = await upload(site)

    async def steer() -> None:
        await site.store.messages.send(
            site.conversation_id,
            owner=site.owner,
            content="like this",
            policy="steer",
            attachments=[attached],
        )

    await site.store.files.write(site.project_id, "a.ts", b"a", owner=site.owner)
    script = [calls(call("c1", "readFile", path="a.ts")), says("Done.")]
    model = site.model = Interrupted(script, meanwhile={0: steer})
    async with site.worker() as engine:
        await site.answer(engine, TASK)
    assert images(model.requests[1]) == [SEEN]
    assert "like this\n\n[Attached: image shot.png" in said(model.requests[1])
