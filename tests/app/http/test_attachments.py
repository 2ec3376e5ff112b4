"""Images and files attached to messages over HTTP, and all that can be wrong with them."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.app.conftest import NewPerson
from tests.support.api_client import Answer, Api
from tests.support.pictures import png

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product

MIB = 1024 * 1024
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
JPEG = b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x02\x00\x03\x03" + b"\0" * 9 + b"\xff\xd9"
WEBP = b"RIFF\x1c\0\0\0WEBPVP8L\x0f\0\0\0\x2f\x04\x40\x01\0" + b"\0" * 11


async def upload(api: Api, project: str, data: bytes, query: str = "") -> Answer:
    headers = {"Content-Type": "image/png"}
    path = f"/api/projects/{project}/attachments{query}"
    return await api.call("POST", path, data=data, headers=headers)


async def send(api: Api, conversation: str, *attachments: dict[str, Any]) -> Answer:
    body = {"conversationId": conversation, "message": "look", "attachments": attachments}
    return await api.call("POST", "/api/messages", body)


async def test_an_image_is_attached_shown_in_the_message_and_read_by_its_owner(
    api: Api, new_person: NewPerson
) -> None:
    project = await api.project()
    image = png()
    made = await upload(api, project, image, "?name=my%20%0Ashot.png")
    assert made.status == 201
    attachment_id = made.body.pop("attachmentId")
    shown = {"name": "my shot.png", "mediaType": "image/png", "width": 3, "height": 2}
    assert made.body == {**shown, "sizeBytes": len(image)}
    await api.ok("PUT", f"/api/projects/{project}/files/src/a.ts", {"content": "a\nb\nc\n"})
    lines = {"path": "src/a.ts", "startLine": 2, "endLine": 3}
    conversation = await api.conversation(project)
    sent = await send(api, conversation, {"attachmentId": attachment_id}, lines)
    assert sent.status == 200, sent
    user_message_id = sent.body["userMessageId"]
    message = await api.message(user_message_id)
    assert message["attachments"] == [
        {"type": "image", "sizeBytes": len(image), **shown},
        {"type": "file", **lines},
    ]
    path = f"/api/messages/{user_message_id}/attachments"
    read = await api.call("GET", f"{path}/0")
    assert (read.body, read.headers["Content-Type"]) == (image, "image/png")
    assert (await api.call("GET", f"{path}/1")).status == 404
    assert (await api.call("GET", f"{path}/7")).status == 404
    stranger = await new_person()
    assert (await stranger.call("GET", f"{path}/0")).status == 404
    assert (await upload(stranger, project, image)).status == 404
    theirs = await stranger.conversation()
    refused = await send(stranger, theirs, {"attachmentId": attachment_id})
    assert (refused.status, refused.body["code"]) == (400, "no_such_attachment")
    assert (await api.until_final(sent.body["messageId"]))["status"] == "completed"
    edited = await api.ok("POST", f"/api/messages/{user_message_id}/edit", {"content": "again"})
    copied = await api.message(edited["userMessageId"])
    assert copied["attachments"] == message["attachments"]
    await api.ok("DELETE", f"/api/conversations/{conversation}")
    again = await api.call("GET", f"/api/messages/{edited['userMessageId']}/attachments/0")
    assert again.body == image


@pytest.mark.parametrize("data", [JPEG, WEBP], ids=["jpeg", "webp"])
async def test_other_kinds_of_images_are_taken(api: Api, data: bytes) -> None:
    made = await upload(api, await api.project(), data)
    assert made.status == 201, made
    assert made.body["mediaType"] in {"image/jpeg", "image/webp"}


NO_IMAGES = {
    "text": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "nothing": b"",
    "gif": GIF,
    "half": png()[:-6],
    "damaged": png().replace(b"IDAT", b"IDAU"),
    "header alone": png()[:33],
    "half a webp": WEBP[:-8],
    "jpeg without an end": JPEG[:-2],
    "too wide": png(8_001, 1),
}


@pytest.mark.parametrize("name", NO_IMAGES)
async def test_an_image_that_is_none_is_refused(api: Api, name: str) -> None:
    refused = await upload(api, await api.project(), NO_IMAGES[name])
    assert (refused.status, refused.body["code"]) == (400, "not_an_image")


async def test_an_image_that_is_too_large_is_refused(api: Api) -> None:
    project = await api.project()
    almost = png(noise=b"n" * (5 * MIB - 200))
    assert (await upload(api, project, almost)).status == 201
    # Only the head is sent: an answer can only come from who does not wait for the body.
    url = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    headers = {"Authorization": f"Bearer {api.token}", "Content-Length": str(5 * MIB + 1)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST /api/projects/{project}/attachments HTTP/1.1\r\nHost: x\r\n{lines}\r\n"
    writer.write(head.encode())
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"5242880 bytes" in answer


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
async def test_the_body_is_the_image_itself(api: Api, kind: str) -> None:
    path = f"/api/projects/{await api.project()}/attachments"
    refused = await api.call("POST", path, data=b"{}", headers={"Content-Type": kind})
    assert (refused.status, refused.body["field"]) == (400, "body")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a missing file": ({"path": "src/none.ts"}, "src/none.ts"),
    "a folder": ({"path": "src"}, "src"),
    "a path out of the project": ({"path": "../a.ts"}, "../a.ts"),
    "a binary file": ({"path": "b.bin"}, "b.bin"),
    "lines after the end": ({"path": "src/a.ts", "startLine": 9}, "src/a.ts"),
    "lines backwards": ({"path": "src/a.ts", "startLine": 3, "endLine": 2}, "src/a.ts"),
    "line 0": ({"path": "src/a.ts", "startLine": 0}, ""),
    "no upload": ({"attachmentId": "nothing"}, "nothing"),
    "nothing": ({}, "either"),
    "both": ({"attachmentId": "x", "path": "src/a.ts"}, "either"),
    "lines of an image": ({"attachmentId": "x", "startLine": 1}, "startLine"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_cannot_be_attached_is_refused_and_nothing_is_sent(api: Api, name: str) -> None:
    attachment, said = WRONG[name]
    project = await api.project()
    files = f"/api/projects/{project}/files"
    await api.ok("PUT", f"{files}/src/a.ts", {"content": "a\nb\nc"})
    await api.ok("PUT", f"{files}/b.bin", {"contentBase64": "/////w=="})
    conversation = await api.conversation(project)
    refused = await send(api, conversation, attachment)
    assert refused.status == 400, refused
    assert said in refused.body["error"]
    listed = await api.ok("GET", f"/api/conversations/{conversation}/messages")
    assert listed["messages"] == []


async def test_files_that_are_too_long_are_cut_and_then_refused(api: Api) -> None:
    project = await api.project()
    files = f"/api/projects/{project}/files"
    await api.ok("PUT", f"{files}/long.txt", {"content": "0123456789\n" * 6_000})
    conversation = await api.conversation(project)
    sent = await send(api, conversation, {"path": "long.txt"})
    (attached,) = (await api.message(sent.body["userMessageId"]))["attachments"]
    assert attached == {"type": "file", "path": "long.txt", "isCut": True}
    refused = await send(api, conversation, {"path": "long.txt"}, {"path": "long.txt"})
    assert (refused.status, refused.body["code"]) == (400, "bad_attachment")
    many = await send(api, conversation, *[{"path": "long.txt"}] * 21)
    assert (many.status, many.body["field"]) == (400, "attachments")
