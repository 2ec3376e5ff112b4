"""docker/compose.yaml hands every setting on, and listens for its own machine only.

`python -m tests.repo.test_compose_settings` writes its list of settings anew.
"""

import re
from typing import Any

import pytest

from app.settings import Settings, load_settings, variable_of
from tests.repo.docker import COMPOSE, compose, instructions

HEAD = "x-settings: &settings"
# Decided here: where the parts find each other, and where an image has its own default.
DECIDED = {
    "POLARIS_DATABASE_URL": "postgresql://polaris:${POSTGRES_PASSWORD:?a password for PostgreSQL}"
    "@postgres:5432/polaris",
    "CONVEX_URL": "${CONVEX_URL:-http://convex:3210}",
    "POLARIS_CONVEX_INTERNAL_KEY": "${POLARIS_CONVEX_INTERNAL_KEY:?the same secret as on the Convex"
    " side}",
    "POLARIS_AUTH_ISSUER": "${POLARIS_AUTH_ISSUER:?who signs the tokens of your users}",
    "POLARIS_LOG_FORMAT": "${POLARIS_LOG_FORMAT:-json}",
}
# Inside a container: the address of the API (compose publishes it) and the folder of the volume;
# the last is of the Convex inside `polaris dev`.
NOT_HANDED_ON = {"POLARIS_HOST", "POLARIS_PORT", "POLARIS_DATA_DIR", "POLARIS_CONVEX_PORT"}


def handed_on() -> list[str]:
    """The variables of all settings that the environment decides, in their order."""
    variables = [variable_of(name) for name in Settings.model_fields]
    return [variable for variable in variables if variable not in NOT_HANDED_ON]


def rendered() -> str:
    lines = [f"  {name}: {DECIDED.get(name, f'${{{name}:-}}')}\n" for name in handed_on()]
    return f"{HEAD} # every one: `python -m tests.repo.test_compose_settings`\n{''.join(lines)}"


def with_settings(text: str) -> str:
    """The compose file with the list as it should be."""
    start = text.index(HEAD)
    end = text.index("\n\n", start) + 1
    return text[:start] + rendered() + text[end:]


def resolved(service: str, environment: dict[str, str]) -> dict[str, str]:
    """What a container is given where compose sees this environment."""

    def value(found: re.Match[str]) -> str:
        name, kind, default = found.groups()
        given = environment.get(name, "")
        assert given or kind == "-", name
        return given or default

    variables: dict[str, Any] = compose()["services"][service]["environment"]
    return {
        name: re.sub(r"\$\{(\w+):([-?])([^}]*)\}", value, str(text))
        for name, text in variables.items()
    }


REQUIRED = {
    "POSTGRES_PASSWORD": "p",
    "POLARIS_CONVEX_INTERNAL_KEY": "a-key-that-is-long-enough",
    "POLARIS_AUTH_ISSUER": "https://issuer.example",
}


def test_the_list_of_settings_is_whole() -> None:
    text = COMPOSE.read_text()
    assert text == with_settings(text)


@pytest.mark.parametrize("service", ["api", "worker"])
def test_what_is_set_arrives(service: str) -> None:
    given = {name: f"a value of {name}" for name in handed_on()}
    container = resolved(service, REQUIRED | given)
    arrived = {name: container.get(name) for name in given if name != "POLARIS_DATABASE_URL"}
    assert arrived == {name: given[name] for name in arrived}
    assert container["POLARIS_DATABASE_URL"] == "postgresql://polaris:p@postgres:5432/polaris"


@pytest.mark.parametrize("service", ["api", "worker"])
def test_what_is_not_set_keeps_its_default(
    service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.chdir(str(tmp_path))
    for name, value in resolved(service, REQUIRED).items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    host = {"host": "0.0.0.0"} if service == "api" else {}  # noqa: S104 - in its container
    expected = load_settings(
        database_url="postgresql://polaris:p@postgres:5432/polaris",
        convex_url="http://convex:3210",
        convex_internal_key=REQUIRED["POLARIS_CONVEX_INTERNAL_KEY"],
        auth_issuer=REQUIRED["POLARIS_AUTH_ISSUER"],
        log_format="json",
        **host,
    )
    assert settings == expected


def test_ports_are_open_for_this_machine_only() -> None:
    ports = [
        port for service in compose()["services"].values() for port in service.get("ports", [])
    ]
    assert ports
    assert [port for port in ports if not str(port).startswith("127.0.0.1:")] == []


def test_images_of_others_are_pinned_to_a_version() -> None:
    images = {service["image"] for service in compose()["services"].values()} - {"polaris"}
    images |= {step.rest.split()[0] for step in instructions() if step.word == "FROM"}
    assert images
    loose = [
        image for image in images if not re.fullmatch(r"[\w./-]+:\d+\.\d+(\.\d+)?-\w[\w-]*", image)
    ]
    assert loose == []


if __name__ == "__main__":
    COMPOSE.write_text(with_settings(COMPOSE.read_text()))
