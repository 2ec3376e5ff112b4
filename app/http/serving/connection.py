"""An HTTP connection that does not wait for ever for the rest of a request."""

import asyncio
import json
import logging
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger(__name__)


class Connection(H11Protocol):
    """Uvicorn's, which by itself waits without end for a head or a body that never comes.

    `head_s` runs from the first byte of a request (or the connection) to the end of its head,
    `body_s` from there to the end of the body: at that point the connection is closed.
    """

    head_s: ClassVar[float] = 20.0  # a head is one packet or few
    body_s: ClassVar[float] = 300.0  # 10 MiB at 300 kbit/s

    _awaited: object = None  # the half of the request that the timer runs for
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Someone is there; the first head may come."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Part of a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """The answer has left; between requests the keep-alive time counts."""
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]:
            self._expect(None)
        else:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side is gone."""
        self._expect(None)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP (a NUL in a header, say) is refused in the shape of our other errors."""
        body = json.dumps({"error": msg, "code": "invalid_request"}).encode()
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "connection": "close",
        }
        head = h11.Response(status_code=400, headers=list(headers.items()), reason=b"Bad Request")
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _watch(self) -> None:
        state = self.conn.their_state
        self._expect(state if state in (h11.IDLE, h11.SEND_BODY) else None)

    def _expect(self, awaited: object) -> None:
        if awaited is self._awaited:
            return
        self._awaited = awaited
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if awaited is not None:
            wait_s = self.head_s if awaited is h11.IDLE else self.body_s
            self._deadline = self.loop.call_later(wait_s, self._give_up)

    def _give_up(self) -> None:
        log.info("request_never_ended", extra={"has_head": self._awaited is not h11.IDLE})
        self.transport.close()
