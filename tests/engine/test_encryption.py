"""Encryption at rest: nothing in clear, keys that change, keys that are gone."""

import asyncio
import base64
import logging
import os
import sqlite3

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from engine import (
    BadKey,
    Database,
    Encryption,
    Engine,
    EventData,
    JobContext,
    KeyMissing,
    KeyUnknownElsewhere,
    NonRetriable,
    PostgresDatabase,
    SqliteDatabase,
    StepFailed,
    job,
)
from engine.storage.encryption import PREFIX, Tampered, opened, seal
from tests.engine.things import QUICK, Notes, until_waiting

SECRET = "correct horse battery staple"  # noqa: S105 - what must not be found


class Secret(EventData, event="secret/told"):
    key: str
    secret: str


class Answer(EventData, event="secret/answered"):
    key: str
    secret: str


def new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@job("keeps", on=Secret, retries=QUICK)
async def keeps(ctx: JobContext[Secret]) -> str:
    secret = ctx.event.data.secret

    async def echo(text: str) -> str:
        return text

    async def fails(text: str) -> None:
        if ctx.attempt == 0:
            raise ConnectionError(f"first {text}")
        raise NonRetriable(text)

    await ctx.step.run("echo", echo, secret)
    try:
        await ctx.step.run("fails", fails, secret)
    except StepFailed as failed:
        ctx.need(Notes).write(failed.message)
    answer = await ctx.step.wait_for_event("answer", Answer, match="data.key")
    assert answer is not None
    ctx.need(Notes).write(answer.data.secret)
    await ctx.step.wait_for_signal("end", "end")
    return secret


def stored(database: Database) -> str:
    """Everything in the database, as text."""
    if isinstance(database, SqliteDatabase):
        with sqlite3.connect(database.path) as connection:
            return "\n".join(connection.iterdump())
    with psycopg.connect(database.libpq) as connection:
        tables = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        return "\n".join(
            str(connection.execute(f"SELECT * FROM {name}".encode()).fetchall())  # noqa: S608 - theirs
            for (name,) in tables
        )


async def begin(engine: Engine) -> str:
    sent = await engine.send(Secret(key="k", secret=SECRET), event_id="e", user={"name": SECRET})
    await until_waiting(engine, sent.run_ids[0])
    return sent.run_ids[0]


async def answered(engine: Engine, run_id: str) -> None:
    await engine.send(Answer(key="k", secret=SECRET))
    async with asyncio.timeout(5):
        while not await engine.send_signal("end"):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)
    assert await engine.result(run_id, 5) == SECRET


async def test_nothing_of_the_data_is_stored_in_clear(database: Database) -> None:
    notes = Notes()
    key = new_key()
    async with Engine(
        jobs=[keeps], database=database, provide=[notes], encryption=Encryption([key])
    ) as engine:
        run_id = await begin(engine)
        during = stored(database)
        await answered(engine, run_id)
        detail = await engine.inspect.run(run_id)
    assert notes.lines == [SECRET, SECRET]
    assert PREFIX in during
    assert SECRET not in during
    assert SECRET not in stored(database)
    assert key not in stored(database)
    # Whoever has the keys sees everything.
    assert detail.event is not None
    assert detail.event.data["secret"] == SECRET
    steps = {step.step_id: step for step in detail.steps}
    assert steps["echo"].input == {"args": [SECRET]}
    assert steps["echo"].result == SECRET
    assert steps["fails"].failed[0].error_message == f"first {SECRET}"


async def test_without_keys_it_would_be_found(database: Database) -> None:
    async with Engine(jobs=[keeps], database=database, provide=[Notes()]) as engine:
        await begin(engine)
        assert SECRET in stored(database)


async def test_run_goes_on_after_its_key_has_been_replaced(database: Database) -> None:
    notes, old, new = Notes(), new_key(), new_key()

    def engine(*keys: str) -> Engine:
        return Engine(
            jobs=[keeps],
            database=database,
            provide=[notes],
            encryption=Encryption(keys) if keys else None,
            grace_s=0.1,
        )

    async with engine() as plain:  # before there were keys
        run_id = await begin(plain)
    async with engine(old) as first:
        await until_waiting(first, run_id)
        await first.reencrypt()
        assert SECRET not in stored(database)
    async with engine(new, old) as second:
        await until_waiting(second, run_id)
        await second.reencrypt()
        assert await second.reencrypt() == 0
        assert f"{PREFIX}{Encryption([old]).key_ids[0]}" not in stored(database)
    async with engine(new) as third:
        await until_waiting(third, run_id)
        await answered(third, run_id)
    assert set(notes.lines) == {SECRET}


async def test_what_was_stored_is_moved_to_the_first_key_by_itself(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "engine")
    async with Engine(jobs=[keeps], database=database, provide=[Notes()], grace_s=0.1) as plain:
        await begin(plain)
    async with Engine(
        jobs=[keeps], database=database, provide=[Notes()], encryption=Encryption([new_key()])
    ):
        async with asyncio.timeout(5):
            while SECRET in stored(database):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
            while "reencrypted" not in caplog.messages:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("keys", [[], [new_key()]], ids=["no key", "another key"])
async def test_engine_does_not_start_without_a_key_that_is_needed_and_loses_nothing(
    database: Database, keys: list[str]
) -> None:
    notes, key = Notes(), new_key()
    async with Engine(
        jobs=[keeps],
        database=database,
        provide=[notes],
        encryption=Encryption([key]),
        grace_s=0.1,
    ) as first:
        run_id = await begin(first)
    encryption = Encryption(keys) if keys else None
    with pytest.raises(KeyMissing, match=Encryption([key]).key_ids[0]):
        async with Engine(jobs=[keeps], database=database, encryption=encryption):
            raise AssertionError("it has started")
    async with Engine(
        jobs=[keeps], database=database, provide=[notes], encryption=Encryption([key])
    ) as again:
        await until_waiting(again, run_id)
        await answered(again, run_id)


async def test_new_first_key_that_another_worker_lacks_is_refused(
    postgres: PostgresDatabase,
) -> None:
    old, new = new_key(), new_key()
    # DBOS is one per process: the other worker is what it would have left in the tables.
    async with Engine(jobs=[keeps], database=postgres, encryption=Encryption([old])):
        pass
    pool = postgres.connect()

    def other_worker(*keys: str) -> None:
        with pool.begin() as connection:
            connection.execute(sa.text("DELETE FROM engine_worker"))
            connection.execute(sa.text("DELETE FROM engine_key WHERE executor_id = 'other'"))
            connection.execute(
                sa.text(
                    "INSERT INTO engine_worker VALUES ('other', "
                    "extract(epoch from clock_timestamp()) * 1000, 60000)"
                )
            )
            for key_id in Encryption(keys).key_ids:
                connection.execute(
                    sa.text("INSERT INTO engine_key VALUES (:key_id, 'other')"),
                    {"key_id": key_id},
                )

    other_worker(old)
    with pytest.raises(KeyUnknownElsewhere, match="other"):
        async with Engine(jobs=[keeps], database=postgres, encryption=Encryption([new, old])):
            raise AssertionError("it has started")
    other_worker(old, new)
    async with Engine(jobs=[keeps], database=postgres, encryption=Encryption([new, old])):
        pass
    pool.dispose()


@pytest.mark.parametrize("key", ["", "short", "not base64!", base64.b64encode(b"x" * 16).decode()])
def test_what_is_no_key_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(BadKey, match="key 2 is not 32 bytes") as caught:
        Encryption([new_key(), key])
    assert not key or key not in str(caught.value).replace("base64", "")
    with pytest.raises(BadKey):
        Encryption([])


@given(st.text())
def test_sealed_texts_open_to_what_they_were(text: str) -> None:
    encryption = Encryption([new_key()])
    sealed = encryption.seal(text)
    assert encryption.open(sealed) == text
    assert sealed != encryption.seal(text)
    assert opened(None, seal(None, text)).removeprefix(" ") == text.removeprefix(" ")


def test_sealed_text_that_was_changed_is_noticed() -> None:
    encryption = Encryption([new_key()])
    sealed = encryption.seal("text")
    changed = sealed[:-8] + ("A" if sealed[-8] != "A" else "B") + sealed[-7:]
    for each in (changed, sealed[:-8], sealed + "AAAA"):
        with pytest.raises(Tampered):
            encryption.open(each)


def test_error_text_that_looks_sealed_is_stored_as_text() -> None:
    assert opened(None, seal(None, "enc1:01234567:x")) == " enc1:01234567:x"


def test_keys_are_not_shown() -> None:
    key = new_key()
    assert key not in repr(Encryption([key]))


def test_a_text_opens_only_as_what_it_is_bound_to() -> None:
    encryption = Encryption([new_key()])
    sealed = encryption.seal("text", bound_to="ada")
    assert encryption.open(sealed, bound_to="ada") == "text"
    for other in ("", "ben", "ada "):
        with pytest.raises(Tampered):
            encryption.open(sealed, bound_to=other)
    with pytest.raises(Tampered):
        encryption.open(encryption.seal("text"), bound_to="ada")
