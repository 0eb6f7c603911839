"""Secrets at rest: Fernet with a list of keys, so that keys can be rotated.

The first key of `ENCRYPTION_KEYS` encrypts; all of them decrypt.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.translation import gettext as _


class SecretLost(Exception):
    """A stored secret cannot be read with the keys that are set."""


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    """Return `text` encrypted; an empty text stays empty."""
    return _box(tuple(settings.ENCRYPTION_KEYS)).encrypt(text.encode()).decode() if text else ""


def decrypt(token: str) -> str:
    """Return the text that `encrypt` was given.

    Raises SecretLost when none of the keys fits.
    """
    if not token:
        return ""
    try:
        return _box(tuple(settings.ENCRYPTION_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise SecretLost(
            _("The stored secret does not fit the encryption keys. Enter it again.")
        ) from error
