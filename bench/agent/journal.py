"""What a run leaves in the engine's database, beside what was said in it."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

from bench.agent.loop import SCENARIO, TURNS
from bench.figures import say
from bench.following import follow
from bench.product import UNBOUNDED, product
from bench.viewers import Viewers

FILE_LINES = 60


async def measure(folder: Path) -> dict[str, float]:
    """`agent.journal_bytes_ratio`: bytes of a run's journal ÷ bytes of its transcript.

    The journal is all that the engine keeps: the values of all rows that are new after the run. The
    transcript is what the model was told and has said: the messages of the last request, and the
    answer.
    """
    settings = {"POLARIS_MAX_STEPS": str(TURNS + 10), **UNBOUNDED}
    async with product(SCENARIO, folder, settings) as running, Viewers() as viewers:
        client = viewers.open(running.convex_url, token=running.token)
        for number in range(TURNS):
            data = f"Line of file {number}.\n".encode() * FILE_LINES
            await running.api.write_file(running.project_id, f"{number}.txt", data)
        conversation = await running.api.create_conversation(running.project_id, "journal")
        database = next((folder / "polaris").rglob("engine.sqlite"))
        before = await asyncio.to_thread(_bytes_in, database)
        message = await running.api.post_message(conversation, "Take fifty turns")
        async for _ in follow(viewers, client, message):
            pass
        record = (await running.model.requests(until="finished", count=TURNS))[-1]
        answer = (await running.api.message(message))["content"]
        written = await asyncio.to_thread(_bytes_in, database) - before
    transcript = len(json.dumps(record["body"]["messages"]).encode()) + len(answer.encode())
    say(f"{written:,} bytes of journal for {transcript:,} bytes of transcript")
    return {"agent.journal_bytes_ratio": written / transcript}


def _bytes_in(database: Path) -> int:
    """The bytes of all values in a database."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        names = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return sum(_bytes_of(connection, name) for name in names)


def _bytes_of(connection: sqlite3.Connection, table: str) -> int:
    columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
    lengths = " + ".join(f'COALESCE(LENGTH(CAST("{name}" AS BLOB)), 0)' for name in columns)
    found = connection.execute(f'SELECT COALESCE(SUM({lengths}), 0) FROM "{table}"')  # noqa: S608 - names of its own schema
    return int(found.fetchone()[0])
