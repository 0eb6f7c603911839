"""Terminals over a socket of their own, `/ws/terminal/`: see docs/concepts/terminal.md."""
