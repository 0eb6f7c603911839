"""Making a container again: what of an inspection goes into the body of a new one. Pure functions.

An inspection shows what somebody gave and what came from the image as one. What the old image says
itself is taken out, so that the new image's own defaults apply; what was given stays.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from fleet.engine.raw import Json, as_dict, as_list, as_str

SHORT = 12  # letters of an id, as which engines name a container to itself and to others
DEFAULT_NETWORKS = frozenset({"", "default", "bridge"})
COMPOSE_IMAGE = "com.docker.compose.image"  # by it Compose tells whether there is another image
# Names of the two containers while one takes the other's place: which they belong to, the first
# letters of the other's id, and what the old one did before.
_ASIDE = re.compile(r"(.+)\.quayside-(new|old)-([0-9a-f]{12})-(running|paused|stopped)")


@dataclass(frozen=True)
class Aside:
    """What the name of a container says that is made, or is kept, beside another one."""

    name: str  # the one both are about
    kind: str  # new, old
    other: str  # the short id of the other
    was: str  # running, paused, stopped: what the old one did

    def __str__(self) -> str:
        return f"{self.name}.quayside-{self.kind}-{self.other[:SHORT]}-{self.was}"


def aside_of(name: str) -> Aside | None:
    """Read such a name; None for any other."""
    match = _ASIDE.fullmatch(name)
    return Aside(*match.groups()) if match else None


@dataclass(frozen=True)
class Again:
    """How to make a container again: the body, and what of its networks comes after."""

    body: Json
    connect: tuple[tuple[str, Json], ...] = ()  # networks beside the first, and how
    disconnect: str = ""  # the network that it gets by itself, and the old one has left


def name_of(container: Json) -> str:
    """Return the name that an inspection says."""
    return as_str(container.get("Name")).lstrip("/")


def bonds(container: Json) -> dict[str, str]:
    """Of which other containers it shares the network, processes or memory: by what, which."""
    host = as_dict(container.get("HostConfig"))
    words = {what: as_str(host.get(f"{what}Mode")) for what in ("Network", "Pid", "Ipc")}
    return {
        what.lower(): word.partition(":")[2]
        for what, word in words.items()
        if word.startswith("container:")
    }


def lenders(container: Json) -> list[str]:
    """Return the containers whose volumes it uses (`--volumes-from`)."""
    said = as_list(as_dict(container.get("HostConfig")).get("VolumesFrom"))
    return [as_str(one).partition(":")[0] for one in said if as_str(one)]


def destinations(container: Json) -> set[str]:
    """Return where its mounts are."""
    return {_path(mount.get("Destination")) for mount in _mounts(container)}


def make_again(
    container: Json,
    old_image: Json,
    image: str,
    new_image_id: str = "",
    borrowed: Collection[str] = (),
) -> Again:
    """Return how to make a container again of `image`.

    `old_image` is what it was made of, empty when that is gone: then all is kept as if it had been
    given. `borrowed` are mounts that come from other containers.
    """
    config = _config(container, as_dict(old_image.get("Config")))
    if config.get("Labels", {}).get(COMPOSE_IMAGE) == old_image.get("Id") and new_image_id:
        config["Labels"][COMPOSE_IMAGE] = new_image_id
    host = _host_config(container, borrowed)
    body = {**config, "Image": image, "HostConfig": host}
    mode = as_str(host.get("NetworkMode"))
    if mode.startswith("container:"):
        return Again({key: body[key] for key in body if key not in ("Hostname", "Domainname")})
    if mode in ("host", "none"):
        return Again(body)
    return _with_networks(container, body, mode)


# --- What was given, without what the image says ---------------------------------------------


def _config(container: Json, image: Json) -> Json:
    """Return the settings; empty ones are left out, so that the new image's own apply."""
    said = as_dict(container.get("Config"))
    kept = {key: value for key, value in said.items() if key not in ("OnBuild", "ArgsEscaped")}
    for key in ("WorkingDir", "User", "StopSignal", "Shell"):
        if kept.get(key) == image.get(key):
            kept.pop(key, None)
    kept["Env"] = [one for one in as_list(said.get("Env")) if one not in as_list(image.get("Env"))]
    kept["Labels"] = _without(said.get("Labels"), image.get("Labels"))
    kept["Volumes"] = _without(said.get("Volumes"), image.get("Volumes"))
    kept["ExposedPorts"] = _ports(container, image)
    kept["Healthcheck"] = _without(said.get("Healthcheck"), image.get("Healthcheck"))
    kept |= _command(said, image)
    if _own_name(container, as_str(said.get("Hostname"))):
        kept.pop("Hostname", None)
    return {key: value for key, value in kept.items() if value not in (None, "", [], {})}


def _without(said: object, image: object) -> Json:
    """Return the items that are not the image's, too."""
    theirs = as_dict(image)
    return {
        key: value
        for key, value in as_dict(said).items()
        if key not in theirs or theirs[key] != value
    }


def _command(said: Json, image: Json) -> Json:
    """Return entrypoint and command as they were given.

    Who gives an entrypoint gets no command of the image: then an equal one was given, too.
    """
    entrypoint, command = as_list(said.get("Entrypoint")), as_list(said.get("Cmd"))
    if entrypoint != as_list(image.get("Entrypoint")):
        return {"Entrypoint": entrypoint or [""], "Cmd": command}  # [""]: it was taken away
    same = command == as_list(image.get("Cmd"))
    return {"Entrypoint": None, "Cmd": None if same else command}


def _ports(container: Json, image: Json) -> Json:
    """Return the exposed ports; a published one stays when the new image does not expose it."""
    said = as_dict(as_dict(container.get("Config")).get("ExposedPorts"))
    bound = as_dict(as_dict(container.get("HostConfig")).get("PortBindings"))
    theirs = as_dict(image.get("ExposedPorts"))
    return {port: {} for port in said if port in bound or port not in theirs}


def _own_name(container: Json, hostname: str) -> bool:
    """Whether the engine gave the hostname: the short id; or the host's, of whose it is a part."""
    host = as_dict(container.get("HostConfig"))
    return hostname == as_str(container.get("Id"))[:SHORT] or host.get("UTSMode") == "host"


# --- What the host gives it ------------------------------------------------------------------


def _host_config(container: Json, borrowed: Collection[str]) -> Json:
    """Return it with the anonymous volumes by their names, so that what is in them stays."""
    host = dict(as_dict(container.get("HostConfig")))
    host.pop("ContainerIDFile", None)
    volumes = {
        _path(mount.get("Destination")): mount
        for mount in _mounts(container)
        if mount.get("Type") == "volume" and mount.get("Name")
    }
    binds = [as_str(bind) for bind in as_list(host.get("Binds"))]
    mounts = [_named(as_dict(mount), volumes) for mount in as_list(host.get("Mounts"))]
    taken = {_path(([*bind.split(":"), bind])[1]) for bind in binds} | set(borrowed)
    taken |= {_path(mount.get("Target")) for mount in mounts}
    binds += [_bind(mount) for path, mount in volumes.items() if path not in taken]
    made = {"Binds": binds, "Mounts": mounts, "Links": _links(host.get("Links"))}
    # All else as it is: an empty list may be said on purpose (MaskedPaths).
    return host | {key: value for key, value in made.items() if value or host.get(key)}


def _mounts(container: Json) -> list[Json]:
    return [as_dict(mount) for mount in as_list(container.get("Mounts"))]


def _path(value: object) -> str:
    return as_str(value).rstrip("/") or "/"


def _bind(mount: Json) -> str:
    mode = "" if mount.get("RW", True) else ":ro"
    return f"{mount['Name']}:{mount['Destination']}{mode}"


def _named(mount: Json, volumes: dict[str, Json]) -> Json:
    """Return a mount that was asked for; an anonymous volume with the name that it got."""
    found = volumes.get(_path(mount.get("Target")))
    if mount.get("Type") != "volume" or mount.get("Source") or found is None:
        return mount
    return {**mount, "Source": found["Name"]}


def _links(said: object) -> list[str]:
    """Return old links (`/db:/web/db`) as they are asked for (`db:db`)."""
    pairs = (as_str(link).partition(":") for link in as_list(said))
    return [f"{name.lstrip('/')}:{alias.rpartition('/')[2]}" for name, _colon, alias in pairs]


# --- Networks --------------------------------------------------------------------------------


def _with_networks(container: Json, body: Json, mode: str) -> Again:
    """Engines older than 25 take one network with a new container; the others are connected."""
    networks = as_dict(as_dict(container.get("NetworkSettings")).get("Networks"))
    short = as_str(container.get("Id"))[:SHORT]
    ends = {name: _endpoint(as_dict(end), short) for name, end in networks.items()}
    first = _first(networks, mode)
    if not first:
        given = "bridge" if mode in DEFAULT_NETWORKS else mode
        return Again(body, tuple(ends.items()), disconnect=given)
    others = tuple((name, end) for name, end in ends.items() if name != first)
    if mode not in DEFAULT_NETWORKS:
        body["HostConfig"]["NetworkMode"] = first
    if ends[first]:
        body["NetworkingConfig"] = {"EndpointsConfig": {first: ends[first]}}
    return Again(body, others)


def _first(networks: dict[str, Any], mode: str) -> str:
    """Return the network that the mode names, by its name or its id; "" when it has left that."""
    wanted = "bridge" if mode in DEFAULT_NETWORKS else mode
    if wanted in networks:
        return wanted
    ids = {as_str(as_dict(end).get("NetworkID")): name for name, end in networks.items()}
    return ids.get(wanted, "")


def _endpoint(end: Json, short: str) -> Json:
    """Return what was asked for of a connection; addresses that the engine chose are not kept."""
    aliases = [alias for alias in as_list(end.get("Aliases")) if alias != short]
    kept = {key: end.get(key) for key in ("IPAMConfig", "Links", "DriverOpts", "GwPriority")}
    return {key: value for key, value in {**kept, "Aliases": aliases}.items() if value}
