"""Settings of what comes into projects and goes out: GitHub, archives, and how much."""

from pydantic import Field, SecretStr

from app.settings.group import HTTP_URL, Group

MB = 1_000_000


class TransferSettings(Group):
    """Where GitHub is, the local user's token, and what an import may bring."""

    github_token: SecretStr | None = Field(
        default=None,
        validation_alias="GITHUB_TOKEN",
        description="Personal access token of the local user; not set: public repositories only.",
    )
    github_server_url: str = Field(
        default="https://github.com",
        pattern=HTTP_URL,
        validation_alias="GITHUB_SERVER_URL",
        description="GitHub, or a GitHub Enterprise Server: its pages and repositories.",
    )
    github_api_url: str = Field(
        default="https://api.github.com",
        pattern=HTTP_URL,
        validation_alias="GITHUB_API_URL",
        description="The API of the same (https://HOST/api/v3 of an Enterprise Server).",
    )
    import_files: int = Field(
        default=20_000,
        ge=1,
        le=100_000,
        validation_alias="POLARIS_IMPORT_FILES",
        description="Most files that an import may bring.",
    )
    import_bytes: int = Field(
        default=500 * MB,
        ge=1_000,
        validation_alias="POLARIS_IMPORT_BYTES",
        description="Most bytes that the files of an import may have in all.",
    )
    import_file_bytes: int = Field(
        default=25 * MB,
        ge=1_000,
        le=400 * MB,  # Convex takes an upload of half a gigabyte
        validation_alias="POLARIS_IMPORT_FILE_BYTES",
        description="Largest file of an import; larger ones are left out, and said.",
    )
    archive_limit_bytes: int = Field(
        default=100 * MB,
        ge=1024,
        le=400 * MB,
        validation_alias="POLARIS_ARCHIVE_LIMIT_BYTES",
        description="Largest archive (zip, tar.gz) that may be sent as a project.",
    )
