"""What a front end is told where it looks for other words, or another status, than ours."""

from http import HTTPStatus

from app.services.transfers import BadAddress, NotConnected
from app.settings import FrontEnd
from core.errors import Refused


def said_to(front_end: FrontEnd | None, error: Refused) -> tuple[int, str] | None:
    """Status and text; None: our own."""
    match front_end, error:
        case FrontEnd.J, NotConnected():
            text = "GitHub not connected. Please connect GitHub in your account settings."
            return HTTPStatus.FORBIDDEN, text
        case FrontEnd.J, BadAddress():
            return HTTPStatus.BAD_REQUEST, "Invalid GitHub URL"
        case _:
            return None
