"""Talking to language models: one port, adapters on the official SDKs, fallback between them."""
