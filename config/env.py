"""Typed readers of environment variables.

A wrong value never raises here: it is kept in `problems` and told by the system checks, all
of them at once, each naming its setting. Every secret can come from a file (`NAME_FILE`).
"""

from __future__ import annotations

import difflib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

problems: list[str] = []
known: set[str] = set()  # every name that was asked for

# Read by docker-compose.yml, by the lab and by the tests, not by the settings.
OTHERS = {"QUAYSIDE_CACHE", "QUAYSIDE_DEMO_LAB", "QUAYSIDE_IMAGE", "QUAYSIDE_LAB"}
TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def env_str(name: str, default: str = "") -> str:
    """Return the variable's text, stripped, or `default` when it is unset or empty."""
    known.add(name)
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool) -> bool:
    """Return a switch written as 1/0, true/false, yes/no or on/off."""
    known.add(name)
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
    known.add(name)
    try:
        text = Path(path).read_text().strip()
    except OSError as error:
        problems.append(f"{name}_FILE cannot be read: {error.strerror}.")
        return default
    except UnicodeDecodeError:
        problems.append(f"{name}_FILE names a file that is no text: {path}.")
        return default
    if not text:
        problems.append(f"{name}_FILE names an empty file: {path}.")
    return text or default


def env_kept_secret(name: str, path: Path, make: Callable[[], str] | None = None) -> str:
    """Return a secret from `name` or `name_FILE`; while neither is set, the one kept at `path`.

    What is set and cannot be read never becomes a new secret: it would lock out the old one.
    """
    text = env_secret(name)
    if text or env_str(f"{name}_FILE"):
        return text
    try:
        return kept_secret(path, make)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        problems.append(f"QUAYSIDE_DATA_DIR: {path} cannot be kept: {why}.")
        return ""


def kept_secret(path: Path, make: Callable[[], str] | None = None) -> str:
    """Return the secret in the file at `path`; the first call makes it, with mode 0600.

    `make` is called for a new secret's text; without it 50 random bytes are used.
    Two processes that start together agree: the file is only ever created whole, once.
    """
    if not path.exists():
        text = make() if make else secrets.token_urlsafe(50)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def unknown_names() -> list[str]:
    """Return a sentence for each variable that looks like a setting of ours and is none."""
    told = []
    for name in sorted(os.environ):
        if name.startswith("QUAYSIDE_") and name not in known | OTHERS:
            nearest = difflib.get_close_matches(name, sorted(known), 1, 0)
            told.append(f"{name} is no setting; the nearest is {''.join(nearest)}.")
    return told
