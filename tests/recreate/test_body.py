"""What of an inspection goes into the body of a new container."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.engine.recreate import Aside, aside_of, bonds, destinations, lenders, make_again

ID = "4c5d52c0c80a" + "0" * 52
PATH = "PATH=/usr/bin:/bin"
IMAGE: dict[str, Any] = {
    "Id": "sha256:old",
    "Config": {
        "Env": [PATH, "MODE=image", "A=1"],
        "Cmd": ["serve"],
        "Entrypoint": ["/entry"],
        "Labels": {"maintainer": "them", "version": "1"},
        "WorkingDir": "/app",
        "User": "app",
        "StopSignal": "SIGINT",
        "ExposedPorts": {"80/tcp": {}, "81/tcp": {}},
        "Volumes": {"/data": {}},
        "Healthcheck": {"Test": ["CMD", "probe"], "Interval": 5, "Retries": 2},
        "OnBuild": ["RUN x"],
        "Shell": ["/bin/sh", "-c"],
    },
}


def inspected(config: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """What an engine tells of a container of IMAGE, with some settings otherwise."""
    said = {key: value for key, value in IMAGE["Config"].items() if key != "OnBuild"}
    said = {**said, "Hostname": ID[:12], "Image": "app:1", "OnBuild": None, **(config or {})}
    host = {"NetworkMode": "default", "ContainerIDFile": "", **more.pop("host", {})}
    networks = {"Networks": more.pop("networks", {"bridge": {"IPAddress": "172.17.0.2"}})}
    return {"Id": ID, "Config": said, "HostConfig": host, "NetworkSettings": networks, **more}


def body(container: dict[str, Any], image: dict[str, Any] = IMAGE, **more: Any) -> dict[str, Any]:
    return make_again(container, image, "app:1", **more).body


def test_what_the_image_says_is_left_to_the_new_one() -> None:
    assert body(inspected()) == {"Image": "app:1", "HostConfig": {"NetworkMode": "default"}}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        # What was given stays, also where the image says something of it.
        ({"Env": ["MODE=mine", PATH, "A=1"]}, {"Env": ["MODE=mine"]}),
        ({"Env": ["B=2", PATH, "MODE=image", "A=1"]}, {"Env": ["B=2"]}),
        ({"Cmd": ["serve", "-v"]}, {"Cmd": ["serve", "-v"]}),
        ({"Labels": {"version": "1", "maintainer": "us", "a": "b"}},
         {"Labels": {"maintainer": "us", "a": "b"}}),
        ({"WorkingDir": "/tmp"}, {"WorkingDir": "/tmp"}),
        ({"User": "0"}, {"User": "0"}),
        ({"StopSignal": "SIGTERM"}, {"StopSignal": "SIGTERM"}),
        ({"StopTimeout": 0}, {"StopTimeout": 0}),
        ({"Tty": True, "OpenStdin": True}, {"Tty": True, "OpenStdin": True}),
        ({"Volumes": {"/data": {}, "/mine": {}}}, {"Volumes": {"/mine": {}}}),
        ({"ExposedPorts": {"80/tcp": {}, "90/udp": {}}}, {"ExposedPorts": {"90/udp": {}}}),
        ({"MacAddress": "02:42:00:00:00:01"}, {"MacAddress": "02:42:00:00:00:01"}),
        # A given entrypoint takes the image's command away: an equal one was given, too.
        ({"Entrypoint": ["/mine"], "Cmd": None}, {"Entrypoint": ["/mine"]}),
        ({"Entrypoint": ["/mine"]}, {"Entrypoint": ["/mine"], "Cmd": ["serve"]}),
        ({"Entrypoint": None, "Cmd": ["sh"]}, {"Entrypoint": [""], "Cmd": ["sh"]}),
        # Of a health check only what is the image's is taken out.
        ({"Healthcheck": {"Test": ["CMD", "probe"], "Interval": 9, "Retries": 2}},
         {"Healthcheck": {"Interval": 9}}),
        ({"Healthcheck": {"Test": ["NONE"]}}, {"Healthcheck": {"Test": ["NONE"]}}),
        ({"Hostname": "web"}, {"Hostname": "web"}),
    ],
)  # fmt: skip
def test_what_was_given_stays(given: dict[str, Any], kept: dict[str, Any]) -> None:
    made = body(inspected(given))
    assert {key: made[key] for key in made if key not in ("Image", "HostConfig")} == kept


def test_a_published_port_stays_exposed_whatever_the_new_image_exposes() -> None:
    published = {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}
    made = body(inspected(host=published))
    assert made["ExposedPorts"] == {"80/tcp": {}}
    assert made["HostConfig"]["PortBindings"] == published["PortBindings"]


def test_without_the_old_image_everything_is_kept() -> None:
    made = body(inspected(), image={})
    assert (made["Cmd"], made["Env"]) == (["serve"], IMAGE["Config"]["Env"])
    assert "OnBuild" not in made and made["Image"] == "app:1"


def test_compose_is_told_of_the_new_image_and_its_other_labels_stay() -> None:
    labels = {"com.docker.compose.image": "sha256:old", "com.docker.compose.project": "shop"}
    made = body(inspected({"Labels": labels}), new_image_id="sha256:new")
    assert made["Labels"] == {**labels, "com.docker.compose.image": "sha256:new"}
    other = {"com.docker.compose.image": "sha256:another"}
    assert body(inspected({"Labels": other}), new_image_id="sha256:new")["Labels"] == other


def mount(name: str, at: str, **more: Any) -> dict[str, Any]:
    return {"Type": "volume", "Name": name, "Destination": at, "RW": True, **more}


def test_anonymous_volumes_are_mounted_by_their_names() -> None:
    mounts = [
        mount("a" * 64, "/data"),
        mount("b" * 64, "/mine/", RW=False),
        mount("named", "/named"),
        mount("c" * 64, "/asked"),
        mount("lent", "/lent"),
        {"Type": "bind", "Source": "/srv", "Destination": "/srv"},
        {"Type": "tmpfs", "Destination": "/run"},
    ]
    asked = [
        {"Type": "volume", "Target": "/asked"},
        {"Type": "bind", "Target": "/x", "Source": "/"},
    ]
    binds = ["named:/named:z", "/srv:/srv:ro"]
    host = {"Binds": binds, "Mounts": asked}
    made = body(inspected(host=host, Mounts=mounts), borrowed={"/lent"})["HostConfig"]
    assert made["Binds"] == [*binds, f"{'a' * 64}:/data", f"{'b' * 64}:/mine/:ro"]
    assert made["Mounts"] == [{**asked[0], "Source": "c" * 64}, asked[1]]
    assert destinations({"Mounts": mounts}) >= {"/data", "/mine", "/srv"}


def test_settings_of_the_host_stay() -> None:
    host = {
        "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}, "Memory": 1000,
        "CapAdd": ["NET_ADMIN"], "MaskedPaths": [], "Privileged": True, "ShmSize": 5,
        "Links": ["/db:/web/db", "/cache:/web/redis"],
    }  # fmt: skip
    made = body(inspected(host=host))["HostConfig"]
    assert made["Links"] == ["db:db", "cache:redis"]
    for key in ("RestartPolicy", "Memory", "CapAdd", "MaskedPaths", "Privileged", "ShmSize"):
        assert made[key] == host[key]


NETWORKS = {
    "front": {
        "NetworkID": "1f", "IPAMConfig": {"IPv4Address": "10.9.1.50"}, "IPAddress": "10.9.1.50",
        "Aliases": ["web", ID[:12]], "Links": None, "DriverOpts": None, "MacAddress": "02:42::",
    },
    "back": {"NetworkID": "2b", "IPAMConfig": {}, "Aliases": ["two"], "Links": ["db:db"]},
}  # fmt: skip
FRONT = {"IPAMConfig": {"IPv4Address": "10.9.1.50"}, "Aliases": ["web"]}
BACK = {"Aliases": ["two"], "Links": ["db:db"]}


@pytest.mark.parametrize("mode", ["front", "1f"])
def test_the_first_network_comes_with_it_and_the_others_after(mode: str) -> None:
    again = make_again(inspected(host={"NetworkMode": mode}, networks=NETWORKS), IMAGE, "app:1")
    assert again.body["NetworkingConfig"] == {"EndpointsConfig": {"front": FRONT}}
    assert again.body["HostConfig"]["NetworkMode"] == "front"
    assert (again.connect, again.disconnect) == ((("back", BACK),), "")


def test_a_network_that_it_has_left_is_left_again() -> None:
    again = make_again(inspected(networks=NETWORKS), IMAGE, "app:1")
    assert "NetworkingConfig" not in again.body
    assert again.disconnect == "bridge"
    assert again.connect == (("front", FRONT), ("back", BACK))


def test_who_shares_a_network_has_no_name_of_its_own() -> None:
    host = {"NetworkMode": "container:abc", "PidMode": "container:def", "VolumesFrom": ["data:ro"]}
    container = inspected({"Hostname": "other", "Domainname": "d"}, host=host, networks={})
    again = make_again(container, IMAGE, "app:1")
    assert not {"Hostname", "Domainname", "NetworkingConfig"} & again.body.keys()
    assert (again.connect, again.disconnect) == ((), "")
    assert bonds(container) == {"network": "abc", "pid": "def"}
    assert lenders(container) == ["data"]


@pytest.mark.parametrize("mode", ["host", "none"])
def test_without_networks_of_its_own_nothing_is_connected(mode: str) -> None:
    again = make_again(inspected(host={"NetworkMode": mode}, networks={mode: {}}), IMAGE, "app:1")
    assert (again.connect, again.disconnect) == ((), "")
    assert again.body["HostConfig"]["NetworkMode"] == mode


def test_a_hostname_of_the_host_is_not_given() -> None:
    assert "Hostname" not in body(inspected({"Hostname": "node"}, host={"UTSMode": "host"}))


def test_what_is_missing_or_odd_does_no_harm() -> None:
    assert make_again({}, {}, "app:1").body == {"Image": "app:1", "HostConfig": {}}
    odd: dict[str, Any] = {
        "Config": {"Env": "x", "Labels": [1]},
        "HostConfig": None,
        "Mounts": [None, {}],
    }
    assert make_again(odd, {"Config": {"Env": None}}, "app:1").body["Image"] == "app:1"


def test_names_tell_how_far_it_is() -> None:
    aside = Aside("web-1", "old", ID, "paused")
    assert str(aside) == "web-1.quayside-old-4c5d52c0c80a-paused"
    assert aside_of(str(aside)) == Aside("web-1", "old", ID[:12], "paused")
    for name in ("web-1", "web-1.quayside-old-4c5d-paused", "web.quayside-new-4c5d52c0c80a-x"):
        assert aside_of(name) is None
