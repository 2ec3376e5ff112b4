"""What can go wrong with a language server, in words for the model."""

from core.errors import Refused


class ServerFailed(Refused):
    """The server gave no answer that could be used. The project is as it was."""

    code = "language_server_failed"


class Died(Exception):
    """The server ended before it had answered; another may be started."""


class Nonsense(Exception):
    """The server said something that the protocol does not know; the text says what."""


class Silent(Exception):
    """The server has not answered in time."""


class Busy(Exception):
    """Other calls have the session."""


class Outdated(Exception):
    """The server has to be started anew: it has read packages or settings that have changed."""


class Declined(Exception):
    """The server answers that it cannot do what was asked; the text says why."""
