"""The names of DBOS's tables, columns and states are known in engine/dbos/ and its tests only."""

import re
from pathlib import Path

import sqlalchemy as sa
from dbos._schemas.system_database import SystemSchema
from dbos._sys_db import WorkflowStatusString

from engine.storage import tables as ours

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "jobs", "engine", "bench", "tests")  # the others cannot reach the engine
AT_HOME = ("engine/dbos/", "tests/engine/dbos/", "tests/support/dbos/")
WITHOUT_US = "bench/engine/raw.py"  # measures DBOS alone
EXPORTS = "engine/__init__.py"  # has our event CANCELLED
PLAIN = {  # words that mean what they say, wherever they stand
    *("attributes", "concurrency", "context", "error", "inputs", "message", "notifications"),
    *("offset", "output", "priority", "queues", "rate_limited", "schedule", "serialization"),
    *("status", "streams", "topic", "updated_at"),
    *("function_id", "schedule_id"),  # of Inngest's and Trigger.dev's APIs as well
}


def _columns(schema: sa.MetaData) -> set[str]:
    return {column.name for table in schema.tables.values() for column in table.columns}


_our_columns = _columns(ours.metadata)
NAMES = _columns(SystemSchema.metadata_obj) | {
    table.name for table in SystemSchema.metadata_obj.tables.values()
}
DISTINCT = NAMES - _our_columns - PLAIN
NAME = re.compile(rf"\b({'|'.join(sorted(DISTINCT))})\b")
STATE = re.compile(rf"""['"]({"|".join(each.value for each in WorkflowStatusString)})['"]""")


def modules() -> dict[str, str]:
    """The text of every module that is to know nothing of them, by its path."""
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return {
        name: path.read_text()
        for path in paths
        if (name := path.relative_to(ROOT).as_posix()) != WITHOUT_US
        and not name.startswith(AT_HOME)
        and path != Path(__file__)
    }


def named(pattern: re.Pattern[str], text: str) -> set[str]:
    return {found.group(1) for found in pattern.finditer(text)}


def test_plain_words_are_names_of_dbos_and_not_of_ours() -> None:
    assert NAMES - _our_columns >= PLAIN


def test_no_table_or_column_of_dbos_is_named_elsewhere() -> None:
    assert {"workflow_status", "workflow_uuid", "started_at_epoch_ms", "completed_at"} <= DISTINCT
    found = {name: named(NAME, text) for name, text in modules().items()}
    assert {name: words for name, words in found.items() if words} == {}


def test_no_state_of_dbos_is_named_elsewhere_in_the_engine() -> None:
    found = {
        name: named(STATE, text)
        for name, text in modules().items()
        if name.startswith(("engine/", "tests/engine/")) and name != EXPORTS
    }
    assert {name: words for name, words in found.items() if words} == {}


def test_statements_and_comparisons_are_found() -> None:
    assert named(NAME, "sa.select(status.c.workflow_uuid)") == {"workflow_uuid"}
    assert named(NAME, '"UPDATE dbos.workflow_status SET owner_xid=NULL"') == {
        "workflow_status",
        "owner_xid",
    }
    assert named(STATE, 'if row.status == "PENDING":') == {"PENDING"}
    assert named(STATE, "\"WHERE status = 'ENQUEUED'\"") == {"ENQUEUED"}
