"""Settings for front ends that were made for another backend, and for who pays."""

from enum import StrEnum

from pydantic import Field, SecretStr

from app.settings.group import HTTP_URL, Group


class FrontEnd(StrEnum):
    """Whose words and shapes hold where front ends disagree; see docs/front-ends.md."""

    A = "a"  # the original: Next.js, Clerk, Inngest
    J = "j"  # the fork with Stack Auth and Trigger.dev
    T = "t"  # the fork that reads REST in place of Convex


class BillingAwayPolicy(StrEnum):
    """What people may while the operator's billing does not answer."""

    REFUSE = "refuse"
    ALLOW = "allow"


class FrontEndSettings(Group):
    """Which front end is served, how many projects a person may have, and who bills."""

    front_end: FrontEnd | None = Field(
        default=None,
        validation_alias="POLARIS_FRONT_END",
        description="a, j or t: whose answers hold where front ends disagree; not set: our own.",
    )
    project_limit: int | None = Field(
        default=None,
        ge=0,
        le=8_000,
        validation_alias="POLARIS_PROJECT_LIMIT",
        description="Projects that a person may have; a Convex of its own needs it, too.",
    )
    billing_url: str | None = Field(
        default=None,
        pattern=HTTP_URL,
        validation_alias="POLARIS_BILLING_URL",
        description="Your billing: asked whether a plan has a feature; not set: all is allowed.",
    )
    billing_key: SecretStr | None = Field(
        default=None,
        validation_alias="POLARIS_BILLING_KEY",
        description="What your billing knows us by, as a Bearer token.",
    )
    billing_when_away: BillingAwayPolicy = Field(
        default=BillingAwayPolicy.REFUSE,
        validation_alias="POLARIS_BILLING_WHEN_AWAY",
        description="refuse (503) or allow what your billing cannot be asked about.",
    )
