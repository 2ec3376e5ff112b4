"""How much a person may ask for in a minute."""
