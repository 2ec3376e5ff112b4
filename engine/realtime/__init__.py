"""Realtime channels: what runs say while they run, to those who listen now."""
