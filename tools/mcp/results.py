"""What a call of a server's tool comes to, for the model and for people."""

import asyncio
import base64
import binascii
import json
from pathlib import Path
from typing import assert_never

import mcp_types as types

from core.text import printed_text
from tools.images import MAX_IMAGE_BYTES, MAX_SIDE_PIXELS, image_of
from tools.output import ImagePart, ToolOutput
from tools.outputs import Outputs
from tools.terminal.outputs import shown

MAX_IMAGES = 4
MAX_LINK_CHARS = 500
NO_INPUT = (
    "The tool asks for input of a person, which it does not get here. Call it with all that it "
    "needs, or ask the user."
)


async def output_of(
    result: types.CallToolResult | types.InputRequiredResult, folder: Path, outputs: Outputs | None
) -> ToolOutput:
    """The text, cut in its middle if it is long, with images attached.

    Args:
        result: what the server answered.
        folder: of the project, in which the whole text can be read.
        outputs: where it is kept; None: what is cut out is gone.
    """
    if isinstance(result, types.InputRequiredResult):
        return ToolOutput(NO_INPUT, is_error=True)
    text, images = await asyncio.to_thread(_read, result)
    text, full = await shown(text, folder, outputs)
    return ToolOutput(text or "[no output]", is_error=result.is_error, parts=(*images, *full))


def _read(result: types.CallToolResult) -> tuple[str, list[ImagePart]]:
    texts: list[str] = []
    images: list[ImagePart] = []
    for block in result.content:
        match block:
            case types.TextContent():
                texts.append(block.text)
            case types.ImageContent():
                image = _image(block.data) if len(images) < MAX_IMAGES else None
                if image is not None:
                    images.append(image)
                what = (
                    "attached"
                    if image is not None
                    else "not shown: too large, or of a strange kind"
                )
                texts.append(f"[image: {what}]")
            case types.AudioContent():
                texts.append(f"[audio, {len(block.data) * 3 // 4:,} bytes: not shown]")
            case types.EmbeddedResource():
                texts.append(_resource(block.resource))
            case types.ResourceLink():
                texts.append(f"[resource {block.name}: {block.uri}]"[:MAX_LINK_CHARS])
            case _:
                assert_never(block)
    if result.structured_content is not None and not any(
        isinstance(block, types.TextContent) for block in result.content
    ):
        texts.append(json.dumps(result.structured_content, ensure_ascii=False, indent=1))
    return printed_text("\n".join(texts).encode(errors="replace")), images


def _resource(resource: types.TextResourceContents | types.BlobResourceContents) -> str:
    name = f"{resource.uri}"[:MAX_LINK_CHARS]
    match resource:
        case types.TextResourceContents():
            return f"[resource {name}]\n{resource.text}"
        case types.BlobResourceContents():
            return f"[resource {name}: {len(resource.blob) * 3 // 4:,} bytes, not shown]"


def _image(data: str) -> ImagePart | None:
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    image = image_of(raw) if len(raw) <= MAX_IMAGE_BYTES else None
    if image is None or max(image.width, image.height) > MAX_SIDE_PIXELS:
        return None
    return image.part(raw)
