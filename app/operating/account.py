"""`polaris account`: an operator exports or deletes the account of somebody who asks for it."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from app.backend import CLOCK, open_store
from app.convex import convex_access
from app.operating.backup import CONVEX, NothingToKeep, Occupied
from app.ready_file import is_answering
from app.services.account.exporting import Exporting
from app.settings import Settings
from core.errors import Conflict
from core.ids import OwnerId
from jobs.archives.packing import Form, packed_entries
from store.gateway import Store


class RunsHere(Conflict):
    """The embedded Convex of the folder is another process's."""

    code = "still_running"

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"`polaris dev` runs on {folder} and has its data: stop it first, or ask it with the "
            "person's token: GET /api/account/export, DELETE /api/account"
        )


async def export_account(settings: Settings, owner: OwnerId, target: Path) -> int:
    """Write all that is the owner's to an archive, whole or not at all; its bytes.

    A name that ends with `.zip` makes a zip, any other a tar.gz.

    Raises:
        Occupied: there is a file of that name.
        RunsHere, NothingToKeep: there is no data at hand.
    """
    form: Form = "zip" if target.suffix == ".zip" else "tar.gz"
    draft = await asyncio.to_thread(_draft_of, target)
    try:
        async with _store_of(settings) as store:
            pieces = packed_entries(Exporting(store, CLOCK).files(owner), form=form)
            async for piece in pieces:
                await asyncio.to_thread(draft.write, piece)
        return await asyncio.to_thread(_kept_as, target, draft)
    finally:
        await asyncio.to_thread(_dropped, draft)


def _draft_of(target: Path) -> IO[bytes]:
    """Where an archive grows, beside its place; of this user alone. Raises: Occupied."""
    if target.exists():
        raise Occupied(f"{target} exists; name a file that does not")
    return tempfile.NamedTemporaryFile(prefix=".polaris-account-", dir=target.parent, delete=False)


def _kept_as(target: Path, draft: IO[bytes]) -> int:
    """Give a whole archive its name; its bytes. Raises: Occupied."""
    draft.close()
    try:
        target.hardlink_to(draft.name)  # never over a file that came meanwhile
    except FileExistsError:
        raise Occupied(f"{target} exists; name a file that does not") from None
    return target.stat().st_size


def _dropped(draft: IO[bytes]) -> None:
    draft.close()
    Path(draft.name).unlink()


async def delete_account(settings: Settings, owner: OwnerId) -> None:
    """Have the account deleted: by the workers that run, or by the next `polaris dev`.

    Raises:
        RunsHere, NothingToKeep: there is no data at hand.
    """
    async with _store_of(settings) as store:
        await store.accounts.request_deletion(owner=owner)


@asynccontextmanager
async def _store_of(settings: Settings) -> AsyncGenerator[Store]:
    folder = settings.data_dir.absolute()
    if settings.convex_url is None and is_answering(folder):
        raise RunsHere(folder)
    if settings.convex_url is None and not (folder / CONVEX).is_file():
        raise NothingToKeep(f"{folder} holds no data of `polaris dev`; name its folder with --data")
    async with convex_access(settings, None) as convex, open_store(settings, convex) as store:
        yield store
