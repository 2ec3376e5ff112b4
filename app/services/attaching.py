"""What people attach to messages: images, looked into before they are kept, and texts of files."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import NotFound, Refused
from core.ids import AttachmentId, OwnerId, ProjectId
from core.text import storable_text
from store.gateway import Store
from store.records import NewAttachment, NewImage, Upload
from tools.images import MAX_IMAGE_BYTES, MAX_SIDE_PIXELS, image_of, is_whole

__all__ = ["MAX_IMAGE_BYTES", "Asked", "Attaching"]

MAX_TEXT_CHARS = 64_000  # of all files of a message; what is longer, the agent reads in parts
LEAST_TEXT_CHARS = 1_000  # a file of which less would fit is refused


class NoImage(Refused):
    """The upload is not an image that models take."""

    code = "not_an_image"


class NoSuchAttachedFile(Refused):
    """A message names a file that there is not."""

    code = "attached_file_not_found"


class BadAttachment(Refused):
    """A file, or the lines of it, cannot be attached."""

    code = "bad_attachment"


@dataclass(frozen=True)
class Asked:
    """What a message names: an upload, or a file of the project and perhaps lines of it.

    Lines count from 1, the last one included.
    """

    attachment_id: AttachmentId | None = None
    path: str | None = None
    start_line: int | None = None
    end_line: int | None = None


@dataclass(frozen=True)
class Attaching:
    """Uploads of images, and the texts of files as they are now."""

    store: Store

    async def upload(
        self, project_id: ProjectId, data: bytes, *, owner: OwnerId, name: str | None
    ) -> Upload:
        """Keep an image for the messages of a project.

        Raises:
            NoImage: it is none, a broken one, or larger than models take.
            NotFound: not the owner's project.
        """
        image = await asyncio.to_thread(_checked, data, name)
        return await self.store.attachments.upload(project_id, image, owner=owner)

    async def new(
        self, project_id: ProjectId, asked: Sequence[Asked], *, owner: OwnerId
    ) -> tuple[NewAttachment, ...]:
        """What a message of the project is to be sent with; files are read now.

        Raises:
            NoSuchAttachedFile, BadAttachment: the text says which file.
        """
        left = MAX_TEXT_CHARS
        found: list[NewAttachment] = []
        for each in asked:
            if each.path is None:
                found.append(NewAttachment("image", attachment_id=each.attachment_id))
                continue
            made = await self._file(project_id, each, each.path, owner=owner, chars=left)
            left -= len(made.text or "")
            found.append(made)
        return tuple(found)

    async def _file(
        self, project_id: ProjectId, asked: Asked, path: str, *, owner: OwnerId, chars: int
    ) -> NewAttachment:
        chosen = _lines_of(await self._text(project_id, path, owner=owner), asked, path)
        if len(chosen) > chars and chars < LEAST_TEXT_CHARS:
            raise BadAttachment(
                f"{path!r} is too much: the attached files of a message have at most "
                f"{MAX_TEXT_CHARS} characters together; attach fewer files, or lines of them"
            )
        return NewAttachment(
            "file",
            path=path,
            start_line=asked.start_line,
            end_line=asked.end_line,
            text=_beginning(chosen, chars),
            is_cut=True if len(chosen) > chars else None,
        )

    async def _text(self, project_id: ProjectId, path: str, *, owner: OwnerId) -> str:
        try:
            data = (await self.store.files.read(project_id, path, owner=owner)).data
        except NotFound:
            raise NoSuchAttachedFile(f"There is no file {path!r} in the project") from None
        except Refused as refused:  # a folder, or no path of a project
            raise BadAttachment(f"{path!r} cannot be attached: {refused}") from None
        text = await asyncio.to_thread(storable_text, data)
        if text is None:
            raise BadAttachment(f"{path!r} is not text; an image is uploaded to be attached")
        return text


def _lines_of(text: str, asked: Asked, path: str) -> str:
    lines = text.split("\n")
    first, last = asked.start_line or 1, asked.end_line or len(lines)
    if first > len(lines) or last < first:
        raise BadAttachment(f"{path!r} has no lines {first} to {last}: there are {len(lines)}")
    return "\n".join(lines[first - 1 : last])


def _beginning(text: str, chars: int) -> str:
    """As many whole lines as fit, or the beginning of the first one."""
    if len(text) <= chars:
        return text
    return text[:chars].rpartition("\n")[0] or text[:chars]


def _checked(data: bytes, name: str | None) -> NewImage:
    image = image_of(data)
    if image is None or image.media_type == "image/gif":
        raise NoImage("This is not an image that models take: send a PNG, JPEG or WebP file")
    if not is_whole(data, image):
        raise NoImage(f"This {image.name} image is broken: its end is missing or damaged")
    if max(image.width, image.height) > MAX_SIDE_PIXELS:
        raise NoImage(
            f"The image is {image.width} x {image.height} pixels; models take at most "
            f"{MAX_SIDE_PIXELS} on a side: make it smaller"
        )
    return NewImage(data, image.media_type, image.width, image.height, name)
