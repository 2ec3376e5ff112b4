"""What a run of the whole suite leaves to `make test THOROUGH=1`, so that it ends soon enough.

Of the engine's tests that run on both databases it takes one of the two, settled by the test's
name; and it leaves out what is marked `thorough`: what takes long and shows more of the same.
Whoever names a path gets everything in it.
"""

import re
from collections import defaultdict
from zlib import crc32

import pytest

from app.settings import own_environment

DATABASE = re.compile(r"(?<=[\[-])(sqlite|postgres)(?=[\]-])")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the rest."""
    if own_environment().get("THOROUGH") or config.args != config.getini("testpaths"):
        return
    left_out = {item for item in items if item.get_closest_marker("thorough")} | set(_twins(items))
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))


def _twins(items: list[pytest.Item]) -> list[pytest.Item]:
    """One of each two tests that differ in the database only."""
    pairs: defaultdict[str, dict[str, pytest.Item]] = defaultdict(dict)
    for item in items:
        if found := DATABASE.search(item.name):
            pairs[DATABASE.sub("*", item.nodeid, count=1)][found.group()] = item
    return [
        pair["sqlite" if crc32(name.encode()) % 2 else "postgres"]
        for name, pair in pairs.items()
        if len(pair) > 1
    ]
