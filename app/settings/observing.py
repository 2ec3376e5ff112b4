"""Settings of what is said of a process: logs, reports, traces."""

from typing import Literal

from pydantic import Field, SecretStr

from app.settings.group import HTTP_URL, Group


class ObservingSettings(Group):
    """Where logs, bug reports and traces go."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO",
        validation_alias="POLARIS_LOG_LEVEL",
        description="Least level that is logged.",
    )
    log_format: Literal["text", "json"] = Field(
        default="text",
        validation_alias="POLARIS_LOG_FORMAT",
        description="text for people, json for log collectors.",
    )
    sentry_dsn: SecretStr | None = Field(
        default=None,
        validation_alias="SENTRY_DSN",
        description="Where bugs are reported; not set: nowhere.",
    )
    sentry_environment: str = Field(
        default="development",
        validation_alias="SENTRY_ENVIRONMENT",
        description="Name of this deployment in the reports.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        pattern=HTTP_URL,
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="OpenTelemetry collector (OTLP over HTTP) that gets the traces; not set: none.",
    )
    otlp_headers: SecretStr | None = Field(
        default=None,
        validation_alias="OTEL_EXPORTER_OTLP_HEADERS",
        description="Headers of each request to the collector: name=value, comma-separated.",
    )
    service_name: str = Field(
        default="polaris",
        validation_alias="OTEL_SERVICE_NAME",
        description="Name of this service in the traces.",
    )
