"""Images of results: which of them the model is shown."""

from collections.abc import Sequence
from dataclasses import replace

from llm.model import Image, ModelMessage, TextPart, ToolResult, UserMessage
from tools.output import ImagePart, ToolOutput

MAX_IMAGES = 20  # of more, providers take smaller ones only
MAX_IMAGES_CHARS = 16 * 1024 * 1024  # of base64, in one request
NOT_SHOWN = "[The image is left out here. Read the file again if it is needed.]"


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


def with_images_that_fit(messages: Sequence[ModelMessage]) -> list[ModelMessage]:
    """The messages with their newest images, as many as one request may have."""
    count = size = 0
    fitting = list(messages)
    for at in range(len(messages) - 1, -1, -1):
        message = messages[at]
        if not isinstance(message, UserMessage):
            continue
        parts: list[TextPart | ToolResult] = []
        for part in reversed(message.parts):
            if isinstance(part, ToolResult) and part.images:
                count += len(part.images)
                size += sum(len(image.data) for image in part.images)
                if count > MAX_IMAGES or size > MAX_IMAGES_CHARS:
                    part = without_images(part)  # noqa: PLW2901 - what is kept of it
            parts.append(part)
        fitting[at] = UserMessage(tuple(reversed(parts)))
    return fitting
