"""Figures of the product, measured on its real parts: `make bench SUITE=name`."""
