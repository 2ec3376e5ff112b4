"""What a person attaches to a message: images, and files of the project or lines of them."""

from dataclasses import dataclass
from typing import Literal

from core.ids import AttachmentId, ProjectId

ImageType = Literal["image/png", "image/jpeg", "image/gif", "image/webp"]


@dataclass(frozen=True)
class Attachment:
    """What a message was sent with.

    An image has a type, its size and perhaps a name. A file has its path, the lines that were asked
    for (counted from 1, the last one included; None: from the beginning, to the end) and the `text`
    of them as it was then, without which it is too far back to be read whole. `is_cut`: that text
    is only the beginning.
    """

    type: Literal["image", "file"]
    name: str | None = None
    media_type: ImageType | None = None
    size_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    path: str | None = None
    start_line: int | None = None
    end_line: int | None = None
    text: str | None = None
    is_cut: bool | None = None


@dataclass(frozen=True)
class NewAttachment:
    """What a message is sent with: an image that was uploaded, or the text of a file."""

    type: Literal["image", "file"]
    attachment_id: AttachmentId | None = None
    path: str | None = None
    start_line: int | None = None
    end_line: int | None = None
    text: str | None = None
    is_cut: bool | None = None


@dataclass(frozen=True)
class NewImage:
    """An image to be uploaded; its bytes have been looked into."""

    data: bytes
    media_type: ImageType
    width: int
    height: int
    name: str | None = None


@dataclass(frozen=True)
class Upload:
    """An image that messages of the project can be sent with, for a day."""

    attachment_id: AttachmentId
    project_id: ProjectId
    media_type: ImageType
    size_bytes: int
    width: int
    height: int
    name: str | None = None
