"""Typed readers of environment variables.

A wrong value never raises here: it is kept in `problems` and told by the system checks, all
of them at once, each naming its setting. Every secret can come from a file (`NAME_FILE`).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

problems: list[str] = []

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def env_str(name: str, default: str = "") -> str:
    """Return the variable's text, stripped, or `default` when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool) -> bool:
    """Return a switch written as 1/0, true/false, yes/no or on/off."""
    text = os.environ.get(name)
    if text is None:
        return default
    if text.strip().lower() in TRUE:
        return True
    if text.strip().lower() not in FALSE:
        problems.append(f"{name} must be one of 1, 0, true, false, yes, no, on, off.")
    return False


def env_int(name: str, default: int, *, low: int, high: int) -> int:
    """Return a whole number between `low` and `high`, both included."""
    text = env_str(name)
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if low <= value <= high:
        return value
    problems.append(f"{name} must be a whole number from {low} to {high}.")
    return default


def env_list(name: str, default: list[str]) -> list[str]:
    """Return the parts of a comma-separated variable, without empty ones."""
    text = env_str(name)
    return [part.strip() for part in text.split(",") if part.strip()] if text else default


def env_secret(name: str, default: str = "") -> str:
    """Return a secret from `name`, or from the file that `name_FILE` names."""
    path = env_str(f"{name}_FILE")
    if not path:
        return env_str(name, default)
    if os.environ.get(name):
        problems.append(f"Set only one of {name} and {name}_FILE.")
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        problems.append(f"{name}_FILE cannot be read: {error.strerror}.")
        return default


def kept_secret(path: Path, make: object = None) -> str:
    """Return the secret in the file at `path`; the first call makes it, with mode 0600.

    `make` is called for a new secret's text; without it 50 random bytes are used.
    Two processes that start together agree: the file is only ever created whole, once.
    """
    if not path.exists():
        text = make() if callable(make) else secrets.token_urlsafe(50)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(str(text))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
