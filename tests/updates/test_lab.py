"""What a real engine keeps of an image for several platforms is what its registry is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.utils import timezone

from fleet.models import Host, ImageUpdate
from fleet.selectors.updates import updates_of_containers
from fleet.updates.turn import check_due
from tests.conftest import make_container, make_image
from tests.lab.lab import Lab
from tests.lab.registry import RegistryServer
from tests.updates.test_turn import known

pytestmark = pytest.mark.lab


def test_a_pulled_image_is_up_to_date_until_another_is_pushed(lab: Lab, host: Host) -> None:
    address, _colon, port = lab.registry.partition(":")
    registry = RegistryServer(int(port), Path(), address=address)
    known(registry)
    name = f"{lab.registry}/updates/multi:1.0.0"
    registry.push_index("updates/multi", "1.0.0", "amd64", "arm64")
    lab[1].docker("pull", "-q", name)
    try:
        said = json.loads(lab[1].docker("image", "inspect", name))[0]
    finally:
        lab[1].docker("rmi", name)
    row = make_image(host, said["Id"], tags=said["RepoTags"], digests=said["RepoDigests"])
    container = make_container(host, image=name, image_id=row.engine_id)
    assert check_due() == 1
    assert updates_of_containers([container])[container.pk].state == "current"
    registry.push("updates/multi", "1.0.0", files={"another": b"one"})
    registry.push("updates/multi", "1.0.1")
    ImageUpdate.objects.update(next_check_at=timezone.now(), tags_at=None)
    check_due()
    found = updates_of_containers([container])[container.pk]
    assert (found.state, found.newer.patch) == ("newer_image", "1.0.1")
