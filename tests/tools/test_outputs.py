"""Outputs that were too long to show, on a worker's disk."""

import shutil
from pathlib import Path

import pytest

from tools.outputs import NoSuchOutput, Outputs


def texts_below(folder: Path) -> list[str]:
    return [path.read_text() for path in folder.rglob("out-*") if path.is_file()]


async def test_the_outputs_of_a_project_go_with_its_folder(tmp_path: Path) -> None:
    stays, goes = tmp_path / "stays", tmp_path / "goes"
    for folder in (stays, goes):
        folder.mkdir()
    async with Outputs(parent=tmp_path) as outputs:
        kept, _ = await outputs.keep(stays, "what stays")
        gone, _ = await outputs.keep(goes, "what goes")
        assert await outputs.drop_gone() == 0
        shutil.rmtree(goes)
        assert await outputs.drop_gone() == 1
        assert await outputs.read(stays, kept) == "what stays"
        with pytest.raises(NoSuchOutput):
            await outputs.read(goes, gone)
        assert texts_below(tmp_path) == ["what stays"]
