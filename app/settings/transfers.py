"""Settings of what comes into projects and goes out: GitHub, archives, and how much."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from app.settings.group import HTTP_URL, Group, Names
from core.people import PERSON, POLARIS

MB = 1_000_000
MIB = 1024 * 1024


def _people(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(re.fullmatch(PERSON, name) for name in names):
        raise ValueError("each is Name <mail>")
    return names


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
    commit_author: str = Field(
        default=POLARIS,
        pattern=PERSON,
        validation_alias="POLARIS_COMMIT_AUTHOR",
        description="Author of commits whose request names none: Name <mail>.",
    )
    commit_committer: str = Field(
        default=POLARIS,
        pattern=PERSON,
        validation_alias="POLARIS_COMMIT_COMMITTER",
        description="Committer of commits whose request names none: Name <mail>.",
    )
    commit_co_authors: Annotated[Names, AfterValidator(_people)] = Field(
        default=(),
        validation_alias="POLARIS_COMMIT_CO_AUTHORS",
        description="Co-authors of commits whose request names none, comma-separated.",
    )
    repositories_bytes: int = Field(
        default=2 * 1024 * MIB,
        ge=0,
        validation_alias="POLARIS_REPOSITORIES_BYTES",
        description="Bytes of commits kept on a worker's disk for pulls; beyond, unused go.",
    )
    archive_limit_bytes: int = Field(
        default=100 * MB,
        ge=1024,
        le=400 * MB,
        validation_alias="POLARIS_ARCHIVE_LIMIT_BYTES",
        description="Largest archive (zip, tar.gz) that may be sent as a project.",
    )
