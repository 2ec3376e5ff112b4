"""Images that people attach to messages: uploaded before, read by runs and by their owner."""

from core.ids import MessageId, OwnerId, ProjectId
from store.client import ConvexHttp
from store.records import NewImage, Upload
from store.rows import decode


class Attachments:
    """Found through the owner of their project."""

    def __init__(self, http: ConvexHttp) -> None:
        self._http = http

    async def upload(self, project_id: ProjectId, image: NewImage, *, owner: OwnerId) -> Upload:
        """Keep an image for messages that will name it.

        What no message names within a day is deleted.

        Raises:
            NotFound: not the owner's project.
            Refused: there are too many uploads in it.
        """
        await self._http.query("system/projects:get", {"ownerId": owner, "projectId": project_id})
        url = await self._http.mutation("system/files:uploadUrl", {})
        storage_id = await self._http.upload(str(url), image.data)
        args = {
            "ownerId": owner,
            "projectId": project_id,
            "storageId": storage_id,
            "name": image.name,
            "mediaType": image.media_type,
            "sizeBytes": len(image.data),
            "width": image.width,
            "height": image.height,
        }
        return decode(Upload, await self._http.mutation("system/attachments:keep", args))

    async def read(self, message_id: MessageId, index: int, *, owner: OwnerId) -> bytes | None:
        """The bytes of an attached image, by its place; None: it is none. Raises: NotFound."""
        args = {"ownerId": owner, "messageId": message_id, "index": index}
        return await self._downloaded(await self._http.query("system/attachments:url", args))

    async def read_for_run(self, message_id: MessageId, index: int) -> bytes | None:
        """The same for runs: the id comes from our own events. Raises: NotFound."""
        args = {"messageId": message_id, "index": index}
        return await self._downloaded(await self._http.query("system/attachments:urlForRun", args))

    async def _downloaded(self, url: str | None) -> bytes | None:
        return None if url is None else await self._http.download(url)
