"""A reader of streams; what it has read passes the schema and the reader of the `ai` package."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.api_client import Api
from tests.support.chat import Reader


@pytest.fixture
async def reader(api: Api, tmp_path: Path) -> AsyncIterator[Reader]:
    reader = Reader(api, tmp_path)
    yield reader
    assert len(await reader.messages(reader.streams)) == len(reader.streams)
