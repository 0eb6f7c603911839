"""Pulling images as jobs."""
