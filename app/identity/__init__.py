"""Who is calling: the issuer of tokens and its keys, tokens, the local user."""
