"""Reading several tables as they were at one moment."""

from typing import Any

import sqlalchemy as sa


def at_one_moment(connection: sa.Connection) -> None:
    """Let all that this transaction reads be of the time of its next query; it writes nothing.

    Without it each query sees what has been committed until then: a run could have ended between
    the look at its status and the look at its steps. Call it before anything is read.
    """
    if connection.dialect.name == "postgresql":
        level = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
        connection.exec_driver_sql(level)
        return
    driver: Any = connection.connection.dbapi_connection
    if not driver.in_transaction:  # pysqlite begins one with the first write only
        connection.exec_driver_sql("BEGIN")
