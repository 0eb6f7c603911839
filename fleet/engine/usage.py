"""What engines say about disk, processes and changed files, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field

from fleet.engine.raw import ALIVE, Json, as_dict, as_int, as_list, as_str, parse_state

DISK_USAGE_TIMEOUT = 120.0  # an engine walks through all that it has


@dataclass(frozen=True, slots=True)
class UsageFacts:
    """How many, how large, and what a prune would give back; in bytes."""

    count: int = 0
    size: int = 0
    reclaimable: int = 0


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """Disk used by each kind of object of one engine."""

    images: UsageFacts = field(default_factory=UsageFacts)
    containers: UsageFacts = field(default_factory=UsageFacts)
    volumes: UsageFacts = field(default_factory=UsageFacts)
    build_cache: UsageFacts = field(default_factory=UsageFacts)


def parse_disk_usage(raw: object) -> DiskUsage:
    """``GET /system/df``: the lists of older APIs, or the sums that newer ones give instead."""
    said = as_dict(raw)
    return DiskUsage(
        images=_summed(said, "ImageUsage", "ImagesDiskUsage") or _images_usage(said),
        containers=_summed(said, "ContainerUsage", "ContainersDiskUsage")
        or _containers_usage(said),
        volumes=_summed(said, "VolumeUsage", "VolumesDiskUsage") or _volumes_usage(said),
        build_cache=_summed(said, "BuildCacheUsage", "BuildCacheDiskUsage") or _cache_usage(said),
    )


def _summed(said: Json, *keys: str) -> UsageFacts | None:
    for key in keys:
        part = as_dict(said.get(key))
        if "TotalSize" in part:
            count = as_int(part.get("TotalCount"))
            return UsageFacts(count, as_int(part["TotalSize"]), as_int(part.get("Reclaimable")))
    return None


def _images_usage(said: Json) -> UsageFacts:
    images = [as_dict(item) for item in as_list(said.get("Images"))]
    free = sum(
        max(0, as_int(item.get("Size")) - max(0, as_int(item.get("SharedSize"))))
        for item in images
        if as_int(item.get("Containers")) <= 0
    )
    size = as_int(said.get("LayersSize")) or sum(as_int(item.get("Size")) for item in images)
    return UsageFacts(len(images), size, min(free, size))


def _containers_usage(said: Json) -> UsageFacts:
    items = [as_dict(item) for item in as_list(said.get("Containers"))]
    free = sum(as_int(i.get("SizeRw")) for i in items if parse_state(i.get("State")) not in ALIVE)
    return UsageFacts(len(items), sum(as_int(i.get("SizeRw")) for i in items), free)


def _volumes_usage(said: Json) -> UsageFacts:
    usages = [as_dict(as_dict(item).get("UsageData")) for item in as_list(said.get("Volumes"))]
    sizes = [(max(0, as_int(u.get("Size"))), as_int(u.get("RefCount"), 1)) for u in usages]
    free = sum(size for size, used_by in sizes if used_by == 0)
    return UsageFacts(len(sizes), sum(size for size, _ in sizes), free)


def _cache_usage(said: Json) -> UsageFacts:
    items = [as_dict(item) for item in as_list(said.get("BuildCache"))]
    # Shared records are counted with the images that hold them.
    own = [item for item in items if item.get("Shared") is not True]
    free = sum(as_int(item.get("Size")) for item in own if item.get("InUse") is not True)
    return UsageFacts(len(items), sum(as_int(item.get("Size")) for item in own), free)


@dataclass(frozen=True, slots=True)
class ProcessTable:
    """What runs inside a container: titles of the columns, and a row for each process."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def parse_processes(raw: object) -> ProcessTable:
    """``GET /containers/{id}/top``; Podman may give whole lines, which are split here."""
    said = as_dict(raw)
    titles = tuple(as_str(title) for title in as_list(said.get("Titles")))
    rows = [tuple(as_str(cell) for cell in as_list(row)) for row in as_list(said.get("Processes"))]
    if len(titles) == 1:
        titles = tuple(titles[0].split())
        rows = [tuple(" ".join(row).split(None, max(0, len(titles) - 1))) for row in rows]
    return ProcessTable(titles, tuple(rows))


@dataclass(frozen=True, slots=True)
class FileChange:
    """A path that differs from the image: ``kind`` is "modified", "added" or "deleted"."""

    path: str
    kind: str


_CHANGE_KINDS = {0: "modified", 1: "added", 2: "deleted"}


def parse_changes(raw: object) -> list[FileChange]:
    """``GET /containers/{id}/changes`` (``null`` when nothing changed)."""
    items = [as_dict(item) for item in as_list(raw)]
    return [
        FileChange(as_str(item.get("Path")), _CHANGE_KINDS.get(as_int(item.get("Kind")), ""))
        for item in items
    ]
