"""The port to one language server: requests, notifications, and the life of its program.

Its adapter, `tools.lsp.rpc`, is imported when the first server starts: pygls takes a third of a
second.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

Handler = Callable[[Any], Any]
"""What answers a request of the server, or takes a notification."""


class Talk(Protocol):
    """One program and the talk with it; `run` is its whole life."""

    @property
    def received(self) -> int:
        """How many messages have come: a server from which some come is not hung."""
        ...

    @property
    def last_words(self) -> str:
        """The end of what the program wrote to its standard error."""
        ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        opened: asyncio.Event,
    ) -> None:
        """Start the program and talk until it ends, is stopped, or says what no server says.

        When this returns or is cancelled, the program and its process group are dead, and every
        request has ended.

        Raises: OSError: it cannot be started.
        """
        ...

    async def request(self, method: str, params: object, *, timeout_s: float) -> Any:
        """Ask, and wait for the answer.

        Raises:
            Died: the program has ended, or ends before it answers.
            Silent: it does not answer in time; it is told that nobody waits any more.
            Declined: it answers with an error.
            Nonsense: its answer, or whatever it said meanwhile, is not of the protocol.
        """
        ...

    def stop(self) -> None:
        """Let `run` end: unlike a cancel, that does not cut its cleaning up short."""
        ...

    def notify(self, method: str, params: object) -> None:
        """Tell the program something; nothing happens if it has ended. Raises: Nonsense."""
        ...


Connect = Callable[[Mapping[str, Handler]], Talk]
"""Makes a talk that is not begun."""
