"""Settings: from the environment, wrong ones named and never shown."""

from base64 import b64encode

import pytest

from app.settings import BusyPolicy, SettingsInvalid, load_settings
from engine import Encryption


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))  # no .env of the developer's


def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARIS_PORT", "eighty")
    with pytest.raises(SettingsInvalid, match=r"^POLARIS_PORT: .*integer"):
        load_settings()


def test_each_wrong_variable_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARIS_PORT", "70000")
    monkeypatch.setenv("POLARIS_BUSY_POLICY", "shout")
    with pytest.raises(SettingsInvalid) as caught:
        load_settings()
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "POLARIS_PORT",
        "POLARIS_BUSY_POLICY",
    ]


def test_registries_are_names_with_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARIS_PACKAGE_REGISTRIES", "pip.example.com:443, npm.example.com:443")
    assert load_settings().package_registries == ("pip.example.com:443", "npm.example.com:443")
    monkeypatch.setenv("POLARIS_PACKAGE_REGISTRIES", "https://npm.example.com")
    with pytest.raises(SettingsInvalid, match=r"POLARIS_PACKAGE_REGISTRIES: .*host:port"):
        load_settings()


def test_people_are_names_with_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARIS_COMMIT_CO_AUTHORS", "Ada <ada@example.com>, Bob <b@example.com>")
    people = ("Ada <ada@example.com>", "Bob <b@example.com>")
    assert load_settings().commit_co_authors == people
    monkeypatch.setenv("POLARIS_COMMIT_CO_AUTHORS", "Ada <ada@example.com>, Bob")
    monkeypatch.setenv("POLARIS_COMMIT_AUTHOR", "Ada")
    with pytest.raises(SettingsInvalid) as caught:
        load_settings()
    assert {line.partition(":")[0] for line in str(caught.value).splitlines()} == {
        "POLARIS_COMMIT_AUTHOR",
        "POLARIS_COMMIT_CO_AUTHORS",
    }


def test_a_wrong_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARIS_CONVEX_INTERNAL_KEY", "hunter2")
    with pytest.raises(SettingsInvalid, match=r"POLARIS_CONVEX_INTERNAL_KEY: .*16") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_secrets_do_not_show_in_a_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-very-secret")
    monkeypatch.setenv("POLARIS_DATABASE_URL", "postgresql://me:very-secret@db/polaris")
    assert "very-secret" not in repr(load_settings())


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARIS_PORT", "")
    monkeypatch.setenv("CONVEX_URL", "")
    settings = load_settings()
    assert settings.port == 8787
    assert settings.convex_url is None


def test_options_win_over_the_environment_and_none_is_no_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POLARIS_PORT", "1111")
    assert load_settings(port=2222).port == 2222
    assert load_settings(port=None).port == 1111


def test_lists_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARIS_CORS_ORIGINS", "http://a.example, http://b.example,")
    assert load_settings().cors_origins == ("http://a.example", "http://b.example")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org", "192.168.1.5"])  # noqa: S104 - that is the point
def test_without_an_issuer_only_loopback_is_served(host: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"^POLARIS_HOST: "):
        load_settings(host=host)
    assert load_settings(host=host, auth_issuer="https://login.example").host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_loopback_in_any_spelling_needs_no_issuer(host: str) -> None:
    assert load_settings(host=host).is_loopback


def test_a_convex_of_its_own_needs_the_internal_key() -> None:
    with pytest.raises(SettingsInvalid, match=r"^POLARIS_CONVEX_INTERNAL_KEY: "):
        load_settings(convex_url="https://happy-otter-1.convex.cloud")


def test_the_busy_policy_is_cancel_unless_set() -> None:
    assert load_settings().busy_policy is BusyPolicy.CANCEL


@pytest.mark.parametrize("keys", ["hunter2", "aHVudGVyMg==,", ","])
def test_encryption_keys_that_are_none_are_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    monkeypatch.setenv("POLARIS_ENGINE_KEYS", keys)
    with pytest.raises(SettingsInvalid, match=r"^POLARIS_ENGINE_KEYS: .*32 bytes") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    assert "aHVudGVyMg" not in str(caught.value)


def test_the_first_encryption_key_is_the_one_that_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (b64encode(letter * 32).decode() for letter in (b"a", b"b"))
    monkeypatch.setenv("POLARIS_ENGINE_KEYS", f"{first}, {second}")
    encryption = load_settings().encryption
    assert encryption is not None
    assert encryption.key_ids == Encryption([first, second]).key_ids


def test_spaces_around_an_address_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVEX_URL", "https://tall-cat-1.convex.cloud ")
    monkeypatch.setenv("POLARIS_AUTH_ISSUER", " https://issuer.example ")
    monkeypatch.setenv("POLARIS_AUTH_JWKS", "https://issuer.example/keys ")
    settings = load_settings(convex_internal_key="long enough to hold")
    assert settings.convex_url == "https://tall-cat-1.convex.cloud"
    assert settings.auth_issuer == "https://issuer.example"
    assert settings.auth_jwks == "https://issuer.example/keys"


CLIENT = {"github_app_client_id": "Iv1.a"}
CONVEX = {"convex_url": "https://a.convex.cloud", "convex_internal_key": "long enough to hold"}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"github_app_client_secret": "s"}, "GITHUB_APP_CLIENT_ID"),
        ({"clerk_secret_key": "s"}, "POLARIS_AUTH_ISSUER"),
        ({"clerk_secret_key": "s", "auth_issuer": "https://a", **CLIENT}, "CLERK_SECRET_KEY"),
        ({**CLIENT, **CONVEX}, "POLARIS_ENGINE_KEYS"),
        ({"github_app_client_id": "a b"}, "GITHUB_APP_CLIENT_ID"),
        ({**CLIENT, "github_app_callback_url": "ide.example"}, "GITHUB_APP_CALLBACK_URL"),
    ],
)
def test_github_accounts_that_cannot_work_stop_the_start(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsInvalid, match=rf"^{named}: "):
        load_settings(**given)
