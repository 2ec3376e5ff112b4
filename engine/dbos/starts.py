"""When runs started first, kept where DBOS forgets it: with a cancel, and as a run goes back."""

import sqlalchemy as sa

from engine.storage import tables


def keep_starts(
    connection: sa.Connection, which: sa.ColumnElement[bool], status: sa.TableClause
) -> None:
    """Remember the start of these runs, unless an earlier one is known.

    `status` is the table of DBOS that has it, and `which` is about that. Call it before it is
    written.
    """
    run = tables.run.c
    started_at = (
        sa.select(status.c.started_at_epoch_ms)
        .where(status.c.workflow_uuid == run.run_id)
        .scalar_subquery()
    )
    connection.execute(
        sa.update(tables.run)
        .where(run.started_at.is_(None))
        .where(run.run_id.in_(sa.select(status.c.workflow_uuid).where(which)))
        .values(started_at=started_at)
    )
