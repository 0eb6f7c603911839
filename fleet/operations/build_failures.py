"""Why a build failed, where the builder's own words leave people alone: what may help."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _

from fleet.engine.errors import DISK_FULL, SENTENCES
from fleet.engine.pulls import explain_pull

# Steps in which the builder asks a registry: metadata, FROM itself, COPY --from.
OF_REGISTRY = re.compile(r"load metadata for|resolve image config|\bFROM \S")
FORMAT = re.compile(r"exec format error", re.IGNORECASE)
BY_TLS = ("registry_plain_http", "registry_untrusted")


def is_disk_full(said: str) -> bool:
    """Return whether an engine, or a step, said that there is no room left."""
    return bool(re.search(DISK_FULL, said, re.IGNORECASE))


def explain_failure(failure: dict[str, Any], raw: str) -> str:
    """Return what is wrong and may help in a sentence, for what is known; "" for other things.

    `failure` is what the run keeps: the step's name, what was said of it, its last lines.
    """
    said = words_of(failure, raw)
    if is_disk_full(said):
        return str(SENTENCES["disk_full"])
    if FORMAT.search(said):
        return _(
            "A program of this step is for another kind of processor than the host's. Build for the"
            " host's own platform, or install an emulator there (QEMU by binfmt)."
        )
    name = str(failure.get("name", ""))
    if name and not OF_REGISTRY.search(name):
        return ""
    found = explain_pull(said, signed_in=False)
    if found is None:
        return ""
    if found.code in BY_TLS:
        return _(
            "The builder cannot speak with this registry. Add it under Registries, as not secure or"
            " with its CA: then the engine pulls base images from there first."
        )
    return str(found)


def words_of(failure: dict[str, Any], raw: str) -> str:
    """Return all that was said of a failure."""
    return "\n".join([raw, str(failure.get("text", "")), *failure.get("lines", [])])
