"""What passes between an adapter and its provider, and who may stand there.

A `Wire` that a request names sees what is sent and what comes back, byte by byte; it may answer in
the provider's place.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from llm.providers import Provider


class Response(Protocol):
    """The streamed response of either SDK."""

    @property
    def status_code(self) -> int:
        """Of HTTP."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name."""
        ...

    def iter_bytes(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        ...


@dataclass(frozen=True)
class Sent:
    """A request as an adapter sends it: the `body` alone, for headers hold keys.

    `model` is `provider/model`, `facts` what the catalog says of it, as JSON. `status_error` makes
    what the provider's SDK raises for an HTTP error, from its status, headers and body.
    """

    model: str
    provider: Provider
    facts: Mapping[str, Any]
    body: Mapping[str, Any]
    status_error: Callable[[int, Mapping[str, str], object], Exception]


class Wire(Protocol):
    """Stands between an adapter and its provider for the requests that name it."""

    def through(
        self, sent: Sent, send: Callable[[], AbstractAsyncContextManager[Response]]
    ) -> AbstractAsyncContextManager[Response]:
        """The response that the adapter is to read; what `send` gives sends when it is entered."""
        ...
