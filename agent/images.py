"""Images of results and of the person: which of them the model is shown."""

from collections.abc import Sequence
from dataclasses import replace

from llm.model import Image, ModelMessage, TextPart, ToolResult, UserMessage
from tools.output import ImagePart, ToolOutput

MAX_IMAGES = 20  # of more, providers take smaller ones only
MAX_IMAGES_CHARS = 16 * 1024 * 1024  # of base64, in one request
NOT_SHOWN = "[The image is left out here. Read the file again if it is needed.]"

NOT_SHOWN_AGAIN = "[An image of the person is left out here to save room.]"


def images_of(output: ToolOutput) -> tuple[Image, ...]:
    """The images of a result, for the model."""
    return tuple(
        Image(part.media_type, part.data) for part in output.parts if isinstance(part, ImagePart)
    )


def without_images(result: ToolResult) -> ToolResult:
    """The result with words instead of its images, if it has any."""
    if not result.images:
        return result
    return replace(result, text=f"{result.text}\n{NOT_SHOWN}", images=())


def _shown_by(part: TextPart | Image | ToolResult) -> tuple[Image, ...]:
    if isinstance(part, Image):
        return (part,)
    return part.images if isinstance(part, ToolResult) else ()


def _left_out(part: TextPart | Image | ToolResult) -> TextPart | Image | ToolResult:
    if isinstance(part, Image):
        return TextPart(NOT_SHOWN_AGAIN)
    return without_images(part) if isinstance(part, ToolResult) else part


def with_images_that_fit(messages: Sequence[ModelMessage]) -> list[ModelMessage]:
    """The messages with their newest images, as many as one request may have."""
    count = size = 0
    fitting = list(messages)
    for at in range(len(messages) - 1, -1, -1):
        message = messages[at]
        if not isinstance(message, UserMessage):
            continue
        parts: list[TextPart | Image | ToolResult] = []
        for part in reversed(message.parts):
            images = _shown_by(part)
            count += len(images)
            size += sum(len(image.data) for image in images)
            is_over = count > MAX_IMAGES or size > MAX_IMAGES_CHARS
            parts.append(_left_out(part) if images and is_over else part)
        fitting[at] = UserMessage(tuple(reversed(parts)))
    return fitting
