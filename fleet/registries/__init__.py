"""Talking to image registries (Distribution, OCI): HTTP only, no engine and no rows."""
