import base64
import hashlib
import secrets
from io import BytesIO

import pytest

from tests.embedded_convex.api import Api, FunctionFailed

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def upload(api: Api, body: bytes, content_type: str = "text/plain") -> str:
    url = await api.mutation("files:uploadUrl")
    async with api.http.post(
        url, data=BytesIO(body), headers={"Content-Type": content_type}
    ) as response:
        assert response.status == 200
        return str((await response.json())["storageId"])


async def test_an_uploaded_file_comes_back_with_its_metadata(api: Api) -> None:
    body = secrets.token_bytes(3_000_000)  # more than two chunks
    id_ = await upload(api, body, "image/png")
    digest = hashlib.sha256(body).hexdigest()
    assert await api.query("files:metadata", id=id_) == {
        "sha256": base64.b64encode(bytes.fromhex(digest)).decode(),
        "size": len(body),
        "contentType": "image/png",
    }
    async with api.http.get(await api.query("files:url", id=id_)) as response:
        assert await response.read() == body
        assert response.headers["Content-Type"] == "image/png"
        assert response.headers["ETag"] == f'"{digest}"'


@pytest.mark.parametrize(
    ("asked", "from_", "to"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1048570-1048580", 1048570, 1048581),
        ("bytes=1999990-", 1999990, 2000000),
        ("bytes=-5", 1999995, 2000000),
        ("bytes=5-99999999", 5, 2000000),
    ],
)
async def test_a_range_gives_exactly_its_bytes(api: Api, asked: str, from_: int, to: int) -> None:
    body = bytes(i % 251 for i in range(2_000_000))
    url = await api.query("files:url", id=await upload(api, body))
    async with api.http.get(url, headers={"Range": asked}) as response:
        assert response.status == 206
        assert response.headers["Content-Range"] == f"bytes {from_}-{to - 1}/2000000"
        assert await response.read() == body[from_:to]


async def test_a_range_outside_of_the_file_and_an_unchanged_file(api: Api) -> None:
    url = await api.query("files:url", id=await upload(api, b"12345"))
    async with api.http.get(url, headers={"Range": "bytes=5-"}) as response:
        assert response.status == 416
    etag = f'"{hashlib.sha256(b"12345").hexdigest()}"'
    async with api.http.get(url, headers={"If-None-Match": etag}) as response:
        assert response.status == 304


async def test_an_empty_file_is_a_file(api: Api) -> None:
    url = await api.query("files:url", id=await upload(api, b""))
    for headers in ({}, {"Range": "bytes=0-0"}):
        async with api.http.get(url, headers=headers) as response:
            assert response.status == 200
            assert await response.read() == b""


async def test_actions_read_and_store_files(api: Api) -> None:
    copy = await api.action("files:copy", id=await upload(api, b"text"))
    async with api.http.get(await api.query("files:url", id=copy)) as response:
        assert await response.text() == "text!"


async def test_a_deleted_file_is_gone(api: Api) -> None:
    id_ = await upload(api, b"short-lived")
    url = await api.query("files:url", id=id_)
    await api.mutation("files:remove", id=id_)
    assert await api.query("files:url", id=id_) is None
    async with api.http.get(url) as response:
        assert response.status == 404
        assert (await response.json())["code"] == "FileNotFound"
    with pytest.raises(FunctionFailed, match="not found"):
        await api.mutation("files:remove", id=id_)


async def test_an_upload_needs_a_url_of_ours(api: Api) -> None:
    for token in ("", "1.x", "99999999999999.AAAA"):
        url = f"{api.url}/api/storage/upload?token={token}"
        async with api.http.post(url, data=b"x") as response:
            assert response.status == 401


async def test_a_wrong_digest_is_refused(api: Api) -> None:
    url = await api.mutation("files:uploadUrl")
    async with api.http.post(url, data=b"x", headers={"Digest": "sha-256=AAAA"}) as response:
        assert response.status == 400
