"""Tests of registries as rows: who may what, changes, pages; the client has its own."""
