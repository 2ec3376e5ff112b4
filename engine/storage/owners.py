"""Whose events and runs are: the `id` of the event's user, kept beside them to be looked up by."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa

from engine.storage import tables
from engine.storage.tables import insert_new

Kind = Literal["event", "run"]


def user_id_of(user: Mapping[str, Any] | None) -> str | None:
    """The id in an event's user; None where there is no user, or one without an id."""
    found = None if user is None else user.get("id")
    return None if found is None else str(found)


def own(connection: sa.Connection, kind: Kind, row_id: str, user_id: str | None, at: int) -> None:
    """Say whose a new event or run is; nobody's is not written."""
    if user_id is not None:
        row = {"kind": kind, "id": row_id, "user_id": user_id, "at": at}
        insert_new(connection, tables.owned, row)


def owner_of(connection: sa.Connection, kind: Kind, row_id: str) -> str | None:
    """Whose an event or run is; None for nobody's and for one that there is not."""
    owned = tables.owned.c
    query = sa.select(owned.user_id).where(owned.kind == kind, owned.id == row_id)
    return connection.execute(query).scalar()


def disclaim(connection: sa.Connection, kind: Kind, row_ids: Sequence[str]) -> None:
    """These are deleted."""
    owned = tables.owned.c
    connection.execute(sa.delete(tables.owned).where(owned.kind == kind, owned.id.in_(row_ids)))
