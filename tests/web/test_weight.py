"""How much a browser loads before it shows a project, and for the first file that is opened."""

from bench.web.weight import editor_kb, first_load_kb, language_servers_kb, runs_kb


def test_a_project_with_its_chat_is_light() -> None:
    assert first_load_kb() <= 130


def test_the_editor_with_a_language_is_light_beside_it() -> None:
    assert editor_kb() <= 175


def test_language_servers_are_loaded_apart_from_the_editor() -> None:
    assert 10 <= language_servers_kb() <= 50


def test_the_runs_are_light_beside_it() -> None:
    assert runs_kb() <= 35
