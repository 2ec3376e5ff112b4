"""The engine's tables, transactions and texts."""
