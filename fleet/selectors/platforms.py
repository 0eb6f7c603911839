"""Platforms of images beside architectures of hosts: `linux/arm64/v8` beside `aarch64`."""

from __future__ import annotations

# As kernels and engines call them: as images do.
NAMES = {
    "x86_64": "amd64", "aarch64": "arm64", "armv6l": "arm", "armv7l": "arm", "armv8l": "arm",
    "i386": "386", "i486": "386", "i586": "386", "i686": "386",
}  # fmt: skip
# (image, host). Not every arm64 runs what is made for arm: Raspberry Pis do, Ampere's do not. What
# may well run is not marked.
RUNS_TOO = frozenset({("386", "amd64"), ("arm", "arm64")})


def architecture(host_arch: str) -> str:
    """Return a host's architecture as images call it; "" while it is not known."""
    return NAMES.get(host_arch.lower(), host_arch.lower())


def is_foreign(platforms: str, host_arch: str) -> bool:
    """Tell whether an image is for none but other architectures than a host's; unknown is not.

    `platforms` has commas between several.
    """
    own = architecture(host_arch)
    found = {one.partition("/")[2].partition("/")[0].strip() for one in platforms.split(",")}
    return bool(own) and "" not in found and not any(_runs(its, own) for its in found)


def _runs(its: str, own: str) -> bool:
    return its == own or (its, own) in RUNS_TOO
