"""The content of a file in a body and in an answer: text as it is, other bytes as base64."""

import base64
from typing import Literal

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.http.errors import InvalidRequest
from app.http.files.wire import FileBody, FileContentAnswer
from store.records import FileContent


def content_of(body: bytes) -> tuple[bytes, bool | None]:
    """The content inside a JSON body, and whether it is executable, if that is said.

    Raises:
        InvalidRequest, RequestValidationError: it is no such body.
    """
    try:
        given = FileBody.model_validate_json(body)
    except ValidationError as error:
        faults = [
            {**fault, "loc": ("body", *fault["loc"])}
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise RequestValidationError(faults) from None
    if (given.content is None) == (given.content_base64 is None):
        raise InvalidRequest("Give either content or contentBase64", field="content")
    if given.content is not None:
        return given.content.encode(), given.executable
    try:
        return base64.b64decode(given.content_base64 or "", validate=True), given.executable
    except ValueError:  # binascii's own, or for letters that are not ASCII
        raise InvalidRequest("contentBase64: not base64", field="contentBase64") from None


def mode_of(executable: bool | None) -> Literal["executable", "regular"] | None:
    """What the file shall be; None: as it is."""
    if executable is None:
        return None
    return "executable" if executable else "regular"


def with_content(file: FileContent, text: str | None) -> FileContentAnswer:
    """The file's record and content; `text` None: it is no text."""
    content = (
        {"content_base64": base64.b64encode(file.data).decode()}
        if text is None
        else {"content": text}
    )
    return FileContentAnswer.model_validate(file.entry).model_copy(update=content)


def as_json(file: FileContent, text: str | None) -> bytes:
    """The same as one JSON object."""
    answer = with_content(file, text)
    return answer.model_dump_json(by_alias=True, exclude_none=True).encode()
