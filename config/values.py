"""What single settings must look like; a wrong value is kept in `env.problems`."""

from __future__ import annotations

import ipaddress
import re
import socket
import zoneinfo
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.env import env_int, env_list, env_str, problems

HOST = re.compile(r"\*|\.?[a-z0-9_](?:[a-z0-9_.-]*)|\[[0-9a-f:.]+\]", re.IGNORECASE)
DATABASE = re.compile(r"/?[0-9]*")
LANGUAGE = re.compile(r"([a-z]{2,3})(-[a-z0-9]+)*")
KEY_LETTERS = 32


def time_zone(name: str, default: str) -> str:
    """Return a time zone that this machine knows."""
    zone = env_str(name, default)
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        problems.append(f"{name} must be a time zone's name such as Europe/Berlin or UTC.")
        return default
    return zone


def seconds_or_never(name: str, default: int, *, low: int, high: int) -> int:
    """Return how often something is done, in seconds; 0 means never."""
    return 0 if env_str(name) == "0" else env_int(name, default, low=low, high=high)


def language(name: str, default: str, spoken: list[str]) -> str:
    """Return one of the languages, with or without a region as in en-gb."""
    code = env_str(name, default).lower()
    found = LANGUAGE.fullmatch(code)
    if found and found[1] in spoken:
        return code
    problems.append(f"{name} must be one of the languages there are: {', '.join(spoken)}.")
    return default


def host_names(name: str, default: list[str]) -> list[str]:
    """Return names as they come in the Host header, without scheme, port and path."""
    hosts = env_list(name, default)
    if all(HOST.fullmatch(host) for host in hosts):
        return hosts
    problems.append(
        f"{name} must be names such as quayside.example.org, without http:// and without a port,"
        " separated by commas; .example.org means all names below it, [::1] is an IPv6 address."
    )
    return default


def networks_and_names(name: str) -> list[str]:
    """Return networks such as 10.0.0.0/8, addresses, and names of hosts (.example.org: below)."""
    entries = env_list(name, [])
    wrong = [entry for entry in entries if not _is_network(entry) and not _is_name(entry)]
    if wrong:
        problems.append(
            f"{name} must be networks such as 10.0.0.0/8, addresses, and names of hosts such as"
            " git.example.org or .example.org, without http:// and without a port, separated by"
            f" commas; this is none: {wrong[0][:80]}."
        )
    return [entry for entry in entries if entry not in wrong]


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _is_name(text: str) -> bool:
    # A last part of digits only is an address that was mistyped, such as 10.0.0 or 10.0.0.5/33.
    known = HOST.fullmatch(text) and text[0] not in "*["
    return bool(known) and not text.rstrip(".").rpartition(".")[2].isdigit()


def web_address(name: str, default: str) -> str:
    """Return the address of a server on the web, without a path, a name or a password."""
    url = env_str(name, default).rstrip("/")
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if named and parts.scheme in {"https", "http"} and not parts.path and "@" not in url:
        return url
    problems.append(f"{name} must look like {default}.")
    return default


def absolute_path(name: str, default: str) -> str:
    """Return the path of a file, which must begin at the root."""
    path = env_str(name, default)
    if path.startswith("/"):
        return path
    problems.append(f"{name} must be an absolute path such as {default}.")
    return default


def made_folder(path: Path) -> Path:
    """Return a folder of ours, made if it is not there; the checks tell when it cannot be."""
    with suppress(OSError):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def secret_key(name: str, text: str) -> str:
    """Return the key that signs sessions, which nobody must be able to guess."""
    if text and len(text) < KEY_LETTERS:
        problems.append(f"{name} must have at least {KEY_LETTERS} letters, made at random.")
    # Django refuses to load without one, and would tell in its own words.
    return text or "-" * KEY_LETTERS


def channel_host(url: str) -> dict[str, Any]:
    """Return how the channel layer reaches Redis: whoever is gone without a word is noticed."""
    seconds = {"socket_connect_timeout": 5, "socket_timeout": 10, "health_check_interval": 10}
    host: dict[str, Any] = {"address": url, **seconds}
    if url.startswith("unix://"):
        return host
    options = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
    known = {
        getattr(socket, name): value for name, value in options.items() if hasattr(socket, name)
    }
    return {**host, "socket_keepalive": True, "socket_keepalive_options": known}


def redis_url(name: str, url: str) -> str:
    """Return the URL of Redis if it is one; messages never repeat it, it may hold a password."""
    if url == "memory://" or _names_redis(url):
        return url
    problems.append(
        f"{name} must look like redis://:password@host:6379/0 or unix:///run/redis.sock."
    )
    return "redis://127.0.0.1:6379/0"


def _names_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.hostname is not None and parts.port != 0
    except ValueError:  # a port that is none, a bracket that stays open
        return False
    if parts.scheme == "unix":
        return not parts.hostname and len(parts.path) > 1
    return parts.scheme in {"redis", "rediss"} and named and bool(DATABASE.fullmatch(parts.path))
