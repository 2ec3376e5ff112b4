"""Serving HTTP: the server in our own event loop, and connections that are given up."""
