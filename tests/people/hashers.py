"""Argon2 as it is in production, but quick: these tests sign in hundreds of times."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickArgon2(Argon2PasswordHasher):
    """The same algorithm with the least work."""

    time_cost = 1
    memory_cost = 64
    parallelism = 1

    def must_update(self, encoded: str) -> bool:
        """Leave hashes of full strength as they are."""
        return False
