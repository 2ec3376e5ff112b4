"""Settings of the HTTP API."""

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

from app.settings.group import ADDRESS, Addresses, Group, Names

MIB = 1024 * 1024


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        try:
            ipaddress.ip_network(name)
        except ValueError:
            raise ValueError("each is an address or a network, such as 10.0.0.0/8") from None
    return names


class ApiSettings(Group):
    """Where the API listens, and what it takes."""

    host: str = Field(
        default="127.0.0.1",
        validation_alias="POLARIS_HOST",
        description="Address the API listens on; anything but loopback needs POLARIS_AUTH_ISSUER.",
    )
    port: int = Field(
        default=8787,
        ge=0,
        le=65535,
        validation_alias="POLARIS_PORT",
        description="Port the API listens on; 0 picks a free one.",
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#]+$",
        validation_alias="POLARIS_PUBLIC_URL",
        description="Where browsers reach this API, as https://ide.example.com; else its port.",
    )
    preview_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        validation_alias="POLARIS_PREVIEW_PORT",
        description="Port on which previews of projects are shown; 0 picks a free one.",
    )
    preview_origin: str | None = Field(
        default=None,
        pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$",
        validation_alias="POLARIS_PREVIEW_ORIGIN",
        description="Where the hosts below lead to the preview port, as https://preview.example.com.",
    )
    preview_relay: str | None = Field(
        default=None,
        pattern=ADDRESS,
        validation_alias="POLARIS_PREVIEW_RELAY",
        description="host:port where a worker takes API processes to servers in its sandbox.",
    )
    preview_workers: Addresses = Field(
        default=(),
        validation_alias="POLARIS_PREVIEW_WORKERS",
        description="host:port of the relays of workers, which previews are looked for at.",
    )
    body_limit_bytes: int = Field(
        default=MIB,
        ge=1024,
        validation_alias="POLARIS_BODY_LIMIT_BYTES",
        description="Largest request body, except for the content of a file.",
    )
    file_limit_bytes: int = Field(
        default=10 * MIB,
        ge=1024,
        le=15 * MIB,  # Convex takes 16 MiB of arguments
        validation_alias="POLARIS_FILE_LIMIT_BYTES",
        description="Largest request body that carries the content of a file.",
    )
    rate_reads: int = Field(
        default=6_000,
        ge=0,
        validation_alias="POLARIS_RATE_READS",
        description="Reading requests that one person may make in a minute; 0: any number.",
    )
    rate_writes: int = Field(
        default=3_000,
        ge=0,
        validation_alias="POLARIS_RATE_WRITES",
        description="Writing requests that one person may make in a minute; 0: any number.",
    )
    rate_messages: int = Field(
        default=600,
        ge=0,
        validation_alias="POLARIS_RATE_MESSAGES",
        description="Messages, retries and events that one person may send in a minute; 0: any.",
    )
    rate_streams: int = Field(
        default=300,
        ge=0,
        validation_alias="POLARIS_RATE_STREAMS",
        description="Realtime streams that one person may open in a minute; 0: any number.",
    )
    trusted_proxies: Annotated[Names, AfterValidator(_networks)] = Field(
        default=(),
        validation_alias="POLARIS_TRUSTED_PROXIES",
        description="Addresses or networks of proxies that say who calls; none by default.",
    )
    cors_origins: Names = Field(
        default=(),
        validation_alias="POLARIS_CORS_ORIGINS",
        description="Origins (comma-separated) whose pages may call the API; none by default.",
    )

    @property
    def is_port_chosen(self) -> bool:
        """Whether somebody has named the port; else a free one will do as well."""
        return "port" in self.model_fields_set

    @property
    def known_url(self) -> str | None:
        """Where browsers reach the API, as far as that is known before it listens."""
        if self.public_url is not None:
            return self.public_url
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}" if self.port and self.is_loopback else None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the API."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
