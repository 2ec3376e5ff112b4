"""How a person is named where git wants one: `Name <mail>`."""

PERSON = r"^[^<>\r\n\x00-\x1f]{1,100} <[^<>\s]{1,200}>$"
PERSON_CHARS = 303
POLARIS = "Polaris <polaris@users.noreply.github.com>"
"""Who signs where nobody is named."""
