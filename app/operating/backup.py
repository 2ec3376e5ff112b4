"""`polaris backup` and `restore`: all that the embedded default keeps, in one file and out of it.

Both databases are copied while this process holds them, so that nothing runs: a restored folder is
what a stopped `polaris dev` has left, and its runs go on. Folders that hold only copies of what the
databases have (workspaces, repositories, bundled code) are left out; they are made anew.
"""

import hashlib
import io
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.settings import Settings
from core.errors import Conflict, Refused
from engine import SqliteDatabase

CONVEX, ENGINE = "convex.sqlite", "engine.sqlite"
KEYS = ("local-user.pem", "project-secrets.key")
KEPT = (CONVEX, ENGINE, *KEYS)
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 10_000
READ_BYTES = 1 << 20
LOCK_S = 5.0  # an embedded Convex whose parent was killed is gone by then


class NotEmbedded(Refused):
    """What is kept is not on this machine alone."""

    code = "not_embedded"


class StillRunning(Conflict):
    """A `polaris dev` has the folder."""

    code = "still_running"

    def __init__(self, what: Path) -> None:
        super().__init__(
            f"{what} is in use: stop the `polaris dev` that runs on the folder first, since a copy "
            "of two databases that go on changing would fit together by chance only"
        )


class NothingToKeep(Refused):
    """There is no installation in the folder."""

    code = "nothing_to_keep"


class BadBackup(Refused):
    """The file is no whole backup; nothing was restored."""

    code = "bad_backup"


class Occupied(Conflict):
    """Something is where a backup is to be restored to, or written."""

    code = "occupied"


class KeptFile(BaseModel):
    """A file of the backup."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["convex.sqlite", "engine.sqlite", "local-user.pem", "project-secrets.key"]
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """The first entry of a backup: what follows, in its order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["polaris-backup-1"] = "polaris-backup-1"
    made_at: datetime
    files: Annotated[tuple[KeptFile, ...], Field(min_length=2, max_length=len(KEPT))]


def back_up(settings: Settings, target: Path, now: datetime) -> Manifest:
    """Write a backup, whole or not at all, that only this user can read. Blocks.

    Raises:
        NotEmbedded, NothingToKeep, StillRunning: there is nothing that could be copied.
        Occupied: there is a file of that name.
    """
    _check_embedded(settings)
    folder = settings.data_dir.absolute()
    if not all((folder / name).is_file() for name in (CONVEX, ENGINE)):
        raise NothingToKeep(f"{folder} holds no data of `polaris dev`; name its folder with --data")
    if target.exists():
        raise Occupied(f"{target} exists; name a file that does not")
    with tempfile.TemporaryDirectory(prefix=".polaris-backup-", dir=target.parent) as name:
        draft = Path(name)
        with (
            _held(folder) as convex,
            closing(sqlite3.connect(folder / ENGINE)) as engine,
        ):
            _copy_database(convex, draft / CONVEX)
            _copy_database(engine, draft / ENGINE)
            for each in KEYS:
                if (folder / each).is_file():
                    shutil.copyfile(folder / each, draft / each)
        files = tuple(_described(draft / each) for each in KEPT if (draft / each).is_file())
        manifest = Manifest(made_at=now, files=files)
        _pack(manifest, draft, draft / "backup.tar")
        try:
            target.hardlink_to(draft / "backup.tar")  # never over a file that came meanwhile
        except FileExistsError:
            raise Occupied(f"{target} exists; name a file that does not") from None
    _flush(target.parent)
    return manifest


def restore(settings: Settings, source: Path) -> Manifest:
    """Make the data folder from a backup, whole or not at all. Blocks.

    Raises:
        NotEmbedded: the settings name other databases.
        Occupied: the folder is there and not empty.
        BadBackup: the file is none, is cut short, or was changed.
    """
    _check_embedded(settings)
    folder = settings.data_dir.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Occupied(
            f"{folder} is not empty: move it away, or restore to another folder with --data"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-restoring-", dir=folder.parent))
    try:
        manifest = _unpack(source, draft)
        for each in (CONVEX, ENGINE):
            with closing(sqlite3.connect(draft / each)) as database:
                _check_whole(database, source.name, each)
        _flush(draft)
        try:
            draft.rename(folder)  # over nothing, or over an empty folder
        except OSError as error:
            why = f"{folder} cannot be replaced ({error.strerror}): restore to a folder in it"
            raise Occupied(why) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _flush(folder.parent)
    return manifest


def _check_embedded(settings: Settings) -> None:
    for variable, value, instead in (
        ("CONVEX_URL", settings.convex_url, "npx convex export"),
        ("POLARIS_DATABASE_URL", settings.database_url, "pg_dump"),
    ):
        if value is not None:
            raise NotEmbedded(
                f"{variable} is set: this command is for what `polaris dev` keeps in its folder; "
                f"for the other, see `{instead}`"
            )


@contextmanager
def _held(folder: Path) -> Generator[sqlite3.Connection]:
    """Nobody else has either database meanwhile; the one of Convex. Raises: StillRunning."""
    with SqliteDatabase(folder / ENGINE).held():  # says who has it
        convex = folder / CONVEX
        with closing(sqlite3.connect(convex, timeout=LOCK_S, isolation_level=None)) as database:
            try:
                database.execute("PRAGMA locking_mode=EXCLUSIVE")
                database.execute("BEGIN EXCLUSIVE")
                database.execute("COMMIT")  # in this mode the lock stays
            except sqlite3.OperationalError as error:
                raise StillRunning(convex) from error
            yield database


def _copy_database(source: sqlite3.Connection, target: Path) -> None:
    with closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        _check_whole(copy, "the data folder", target.name)


def _check_whole(database: sqlite3.Connection, backup: str, name: str) -> None:
    try:
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        raise BadBackup(f"{backup}: {name} is no database") from error
    if verdict != "ok":
        raise BadBackup(f"{backup}: {name} is damaged: {verdict}")


def _described(path: Path) -> KeptFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return KeptFile.model_validate(
        {"name": path.name, "size": path.stat().st_size, "sha256": digest}
    )


def _pack(manifest: Manifest, folder: Path, target: Path) -> None:
    body = manifest.model_dump_json().encode()
    head = tarfile.TarInfo(MANIFEST)
    head.size, head.mode = len(body), 0o600
    with target.open("xb") as file:
        target.chmod(0o600)
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            archive.addfile(head, io.BytesIO(body))
            for each in manifest.files:
                entry = tarfile.TarInfo(each.name)
                entry.size, entry.mode = each.size, 0o600
                with (folder / each.name).open("rb") as content:
                    archive.addfile(entry, content)
        file.flush()
        os.fsync(file.fileno())


def _unpack(source: Path, folder: Path) -> Manifest:
    try:
        with tarfile.open(source, mode="r:") as archive:
            manifest = Manifest.model_validate_json(_head(archive, source))
            names = [each.name for each in manifest.files]
            if len(set(names)) < len(names) or not {CONVEX, ENGINE} <= set(names):
                raise BadBackup(f"{source} does not hold both databases, each once")
            for each in manifest.files:
                entry = archive.next()
                if (
                    entry is None
                    or not entry.isreg()
                    or (entry.name, entry.size)
                    != (
                        each.name,
                        each.size,
                    )
                ):
                    raise BadBackup(f"{source}: {each.name} is missing or not what it was")
                content = archive.extractfile(entry)
                if content is None or _write(content, folder / each.name) != each.sha256:
                    raise BadBackup(f"{source}: {each.name} was changed or cut short")
    except (tarfile.TarError, ValidationError, EOFError) as error:
        raise BadBackup(f"{source} is no backup of Polaris, or is cut short") from error
    return manifest


def _head(archive: tarfile.TarFile, source: Path) -> bytes:
    entry = archive.next()
    if entry is None or entry.name != MANIFEST or not 0 < entry.size <= MAX_MANIFEST_BYTES:
        raise BadBackup(f"{source} is no backup of Polaris: it does not begin with {MANIFEST}")
    content = archive.extractfile(entry)
    return b"" if content is None else content.read()


def _write(content: IO[bytes], target: Path) -> str:
    """Its SHA-256."""
    digest = hashlib.sha256()
    with target.open("xb") as file:
        target.chmod(0o600)
        while block := content.read(READ_BYTES):
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _flush(folder: Path) -> None:
    """What was named in it is named there after a power failure, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
