"""System checks: wrong settings stop the start with a message that names the setting."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def environment(**_kwargs: Any) -> list[CheckMessage]:
    """Report what the readers of the environment found wrong."""
    problems: list[str] = settings.SETTING_PROBLEMS
    return [Error(problem, id="quayside.E001") for problem in dict.fromkeys(problems)]


@register()
def encryption_keys(**_kwargs: Any) -> list[CheckMessage]:
    """Every encryption key must be one."""
    try:
        MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
    except ValueError:
        return [
            Error(
                "QUAYSIDE_ENCRYPTION_KEYS must be Fernet keys (32 random bytes, url-safe base64),"
                " separated by commas, the newest first.",
                id="quayside.E002",
            )
        ]
    return []
