"""Sockets that listen: bound before anybody is told of them."""

import contextlib
import socket

BACKLOG = 2048


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 is a free one. Raises: OSError."""
    with contextlib.ExitStack() as stack:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            family, kind, protocol, _, address = found
            listener = stack.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError as error:
            raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        listener.setblocking(False)
        stack.pop_all()
    return listener


def is_taken(host: str, port: int) -> bool:
    """Whether somebody else listens there now."""
    try:
        bind(host, port).close()
    except OSError:
        return True
    return False


def url_of(listener: socket.socket) -> str:
    """`http://127.0.0.1:8787`, as a client on this machine would write it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
