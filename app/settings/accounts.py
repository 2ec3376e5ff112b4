"""Settings of GitHub accounts: how people connect theirs."""

from pydantic import Field, SecretStr

from app.settings.group import HTTP_URL, Group


class AccountSettings(Group):
    """The operator's GitHub app, or Clerk."""

    github_app_client_id: str | None = Field(
        default=None,
        pattern=r"^[\x21-\x7e]{1,200}$",
        validation_alias="GITHUB_APP_CLIENT_ID",
        description="Client id of your GitHub App or OAuth app, by which people connect accounts.",
    )
    github_app_client_secret: SecretStr | None = Field(
        default=None,
        validation_alias="GITHUB_APP_CLIENT_SECRET",
        description="Its client secret; not set: accounts are connected by device codes only.",
    )
    github_app_callback_url: str | None = Field(
        default=None,
        pattern=HTTP_URL,
        validation_alias="GITHUB_APP_CALLBACK_URL",
        description="Where GitHub sends browsers; not set: as registered there for the app.",
    )
    github_app_scopes: str = Field(
        default="repo,workflow",
        pattern=r"^[a-z_:,]{0,500}$",
        validation_alias="GITHUB_APP_SCOPES",
        description="Scopes that an OAuth app asks for, comma-separated; a GitHub App has its own.",
    )
    clerk_secret_key: SecretStr | None = Field(
        default=None,
        validation_alias="CLERK_SECRET_KEY",
        description="Secret key of Clerk, where it has people's GitHub accounts; not set: not it.",
    )
    clerk_api_url: str = Field(
        default="https://api.clerk.com",
        pattern=HTTP_URL,
        validation_alias="CLERK_API_URL",
        description="Clerk's Backend API.",
    )
