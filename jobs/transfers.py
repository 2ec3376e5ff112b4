"""What the jobs of transfers share: how they say how far they are, and how they fail."""

from datetime import datetime
from typing import Any

from engine import FailureContext, RetryPolicy, RunError
from store.errors import NotFound, StoreUnavailable, TransferOver
from store.gateway import Store

RETRY = RetryPolicy(max_attempts=4, min_timeout=1.0, max_timeout=30.0)
CLOSED = frozenset({TransferOver.code, NotFound.code})
"""Codes of a step that found the transfer, or its project, gone: nothing is wrong."""


async def say(
    store: Store,
    transfer_id: str,
    *,
    waiting_until: datetime | None = None,
    **said: str | int | None,
) -> None:
    """Say how far a transfer is. Raises: TransferOver, NotFound."""
    if not await store.transfers.progress(transfer_id, waiting_until=waiting_until, **said):
        raise TransferOver("This transfer is over")


_WORDS = {
    "github_unavailable": "GitHub could not be reached, or broke off, after several tries. "
    "Try again in a few minutes.",
    StoreUnavailable.code: "The files could not be stored, after several tries. "
    "Try again in a few minutes.",
    "files_keep_changing": "The project's files were changed again and again meanwhile, so that "
    "what is new could not be merged. Try again in a moment.",
    "git_missing": "git is not installed on this server. Whoever runs it has to install it.",
}
_UNKNOWN = "Something went wrong on our side. Try again; if it fails again, report it."
_OWN = frozenset(
    {
        "archive_gone",
        "bad_archive",
        "branch_taken",
        "empty_repository",
        "github_login_not_set_up",
        "github_not_connected",
        "github_unauthorized",
        "history_rewritten",
        "no_access",
        "no_repository",
        "no_such_branch",
        "no_such_folder",
        "nothing_to_export",
        "nothing_to_propose",
        "push_refused",
        "quota_exceeded",
        "rate_limited",
        "refused_by_github",
        "remote_moved",
        "repository_name_taken",
        "repository_not_found",
        "too_large",
    }
)
"""Codes of errors whose text is for people as it is."""


def failure_words(error: RunError) -> tuple[str, str]:
    """A code for programs and a text for people."""
    code = error.code or "internal"
    if code in _OWN:
        return code, error.message
    return (code, _WORDS[code]) if code in _WORDS else ("internal", _UNKNOWN)


async def mark_failed(ctx: FailureContext[Any]) -> None:
    """Close the transfer of the event with the reason; the store removes what an import wrote."""
    store = ctx.need(Store)
    transfer_id: str = ctx.event.data.transfer_id
    code, words = failure_words(ctx.error)

    async def fail() -> None:
        try:
            await store.transfers.finish(transfer_id, status="failed", error=words, error_code=code)
        except NotFound:  # its project was deleted meanwhile
            return

    await ctx.step.run("mark-failed", fail)
