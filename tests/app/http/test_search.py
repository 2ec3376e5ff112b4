"""Search over HTTP: the lines of a project's files, for its owner."""

import pytest
from yarl import URL

from tests.app.conftest import NewPerson
from tests.support.api_client import Answer, Api

pytestmark = pytest.mark.timeout(60)  # the first test of a session starts the product

FILES = {
    "src/a.ts": "export const price = 1;\nexport const Price = 2;\n",
    "src/b.py": "price = 3  # a.b\n",
    "notes.md": "The price.\n",
    "hidden.txt": "price\n",
    ".gitignore": "hidden.txt\n",
}


@pytest.fixture
async def project_id(api: Api) -> str:
    project_id = await api.project()
    for path, content in FILES.items():
        await api.ok("PUT", f"/api/projects/{project_id}/files/{path}", {"content": content})
    return project_id


async def search(api: Api, project_id: str, **asked: str) -> Answer:
    address = URL(f"/api/projects/{project_id}/search").with_query(asked)
    return await api.call("GET", str(address))


async def found(api: Api, project_id: str, **asked: str) -> list[str]:
    answer = await search(api, project_id, **asked)
    assert answer.status == 200, answer.body
    assert answer.body["total"] == len(answer.body["matches"])
    return [f"{each['path']}:{each['line']}:{each['column']}" for each in answer.body["matches"]]


async def test_lines_are_found_in_what_belongs_to_the_project(api: Api, project_id: str) -> None:
    every = ["notes.md:1:5", "src/a.ts:1:14", "src/a.ts:2:14", "src/b.py:1:1"]
    assert await found(api, project_id, q="price") == every
    assert await found(api, project_id, q="Price", caseSensitive="true") == ["src/a.ts:2:14"]
    assert await found(api, project_id, q="price", glob="*.ts") == every[1:3]
    assert await found(api, project_id, q="a.b") == ["src/b.py:1:14"]
    assert await found(api, project_id, q="p.ice = [13]", regex="true") == [every[1], every[3]]
    assert await found(api, project_id, q="nowhere") == []
    await api.ok("PUT", f"/api/projects/{project_id}/files/new.ts", {"content": "nowhere\n"})
    assert await found(api, project_id, q="nowhere") == ["new.ts:1:1"]


async def test_no_more_is_shown_than_was_asked_for(api: Api, project_id: str) -> None:
    await api.ok("PUT", f"/api/projects/{project_id}/files/many.txt", {"content": "many\n" * 500})
    told = (await search(api, project_id, q="many", limit="3")).body
    assert ([each["line"] for each in told["matches"]], told["total"]) == ([1, 2, 3], 500)
    assert told["isComplete"] is True


async def test_of_a_long_line_the_part_around_the_match_comes(api: Api, project_id: str) -> None:
    long = f"{'é' * 200_000}needle{'x' * 500_000}"
    await api.ok("PUT", f"/api/projects/{project_id}/files/long.txt", data=long.encode())
    await api.ok("PUT", f"/api/projects/{project_id}/files/raw.bin", data=b"\x00\xffneedle")
    [line] = (await search(api, project_id, q="needle")).body["matches"]
    assert (line["path"], line["column"], len(line["text"])) == ("long.txt", 200_001, 200)
    at = line["column"] - line["textColumn"]
    assert line["text"][at : at + 6] == "needle"


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"q": ""}, "invalid_request"),
        ({"q": "x" * 1001}, "invalid_request"),
        ({"q": "(", "regex": "true"}, "bad_pattern"),
        ({"q": "a\nb"}, "bad_pattern"),
        ({"q": "a", "glob": "../*"}, "bad_glob"),
        ({"q": "a", "limit": "201"}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
async def test_what_cannot_be_searched_for_is_refused_in_words(
    api: Api, project_id: str, asked: dict[str, str], word: str
) -> None:
    refused = await search(api, project_id, **asked)
    assert (refused.status, refused.body["code"]) == (400, word)
    assert refused.body["error"]


async def test_a_text_is_searched_as_it_stands_and_a_bad_regex_says_why(
    api: Api, project_id: str
) -> None:
    assert await found(api, project_id, q="(") == []
    refused = await search(api, project_id, q="(", regex="true")
    assert "unclosed group" in refused.body["error"]


async def test_nobody_else_searches_in_it(api: Api, project_id: str, new_person: NewPerson) -> None:
    stranger = await new_person()
    assert (await search(stranger, project_id, q="price")).status == 404
    assert (await search(api, "nothing", q="price")).status == 404
