"""Names for projects that nobody has named: adjective-animal-colour."""

import secrets

_ADJECTIVES = """
able brave bright brisk calm clever curious eager fair fleet gentle glad grand happy hardy humble
jolly keen kind light lively loyal lucky merry mighty modest neat noble patient plain polite proud
quick quiet rapid ready shy silent smart smooth steady sunny swift tidy tiny warm wise witty
"""
_ANIMALS = """
alpaca badger bear beaver bison camel cat cheetah crane crow deer dingo dolphin duck eagle falcon
ferret finch fox gecko goose hare hawk hedgehog heron ibex jackal koala lark lemur lion llama lynx
marten mole moose newt octopus otter owl panda penguin puffin rabbit raven robin seal swan tiger
toad trout turtle walrus whale wolf wombat yak zebra
"""
_COLOURS = """
amber azure beige black blue bronze brown copper coral crimson cyan gold green grey indigo ivory
jade lavender lime magenta maroon olive orange pink plum purple red rose ruby salmon scarlet silver
tan teal turquoise violet white yellow
"""
_WORDS = tuple(words.split() for words in (_ADJECTIVES, _ANIMALS, _COLOURS))


def made_up_name() -> str:
    """Such as `brave-otter-teal`; there are about a hundred thousand."""
    return "-".join(secrets.choice(words) for words in _WORDS)
