"""The key of people's secrets: in the data folder, where the settings name none."""

from pathlib import Path

import pytest

from app.services.sealing import BadKeyFile, sealing_of
from app.settings import load_settings

FILE = "project-secrets.key"


def test_a_key_is_made_once_and_for_this_user_only(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    first, second = sealing_of(settings), sealing_of(settings)
    assert first is not None
    assert second is not None
    assert second.open(first.seal("text")) == "text"
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"no key", b"\xff\xfe", b"aHVudGVyMg=="])
def test_a_file_that_holds_no_key_stops_the_start_and_is_named(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(BadKeyFile, match=f"{FILE} holds no key"):
        sealing_of(load_settings(data_dir=tmp_path))
    assert (tmp_path / FILE).read_bytes() == content


def test_processes_on_a_shared_convex_need_a_key_of_the_settings(tmp_path: Path) -> None:
    convex = {"convex_url": "https://a.convex.cloud", "convex_internal_key": "long enough to hold"}
    assert sealing_of(load_settings(data_dir=tmp_path, **convex)) is None
    assert not (tmp_path / FILE).exists()
