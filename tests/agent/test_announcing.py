import pytest

from agent.announcing import announces


@pytest.mark.parametrize(
    "text",
    [
        "Let me read the file:",
        "The config is wrong. Now let me fix it.",
        "I see the problem.\n\nI'll update `src/a.ts` now…",
        "Okay, I will now create the component.",
        "First, I'm going to look at the tests.",
        "**Next, let's run the build.**",
        "Now I add the route",
    ],
)
def test_what_is_about_to_be_done_is_an_announcement(text: str) -> None:
    assert announces(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Done.",
        "I changed a.ts. Let me know if you want more.",
        "Let me know how it goes.",
        "Shall I add a test?",
        "I'll fix it once you confirm.",
        "If you agree, I'll change it.",
        "I read the file. It says hello.",
        "Let me read it first. It says: hello.",
        "You can start it with `npm run dev`:",
        "I will be here.",
        "I'll leave the tests as they are.",
    ],
)
def test_what_was_done_or_is_offered_is_none(text: str) -> None:
    assert not announces(text)
