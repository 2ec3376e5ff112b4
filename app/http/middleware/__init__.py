"""What surrounds every request."""

from app.http.middleware.body_limit import BodyLimit
from app.http.middleware.lingering import Lingering
from app.http.middleware.local_hosts import LocalHosts
from app.http.middleware.request_frame import RequestFrame
from app.http.middleware.storable_texts import StorableTexts

__all__ = ["BodyLimit", "Lingering", "LocalHosts", "RequestFrame", "StorableTexts"]
