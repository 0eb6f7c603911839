"""All names or none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fleet.engine.client import Engine, open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import Conflict
from fleet.engine.fake import FakeEngine
from fleet.operations.tagging import give_tags

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64


@pytest.fixture
def engine(fake: FakeEngine) -> Iterator[Engine]:
    """A fake one, with an image that has a name and one that has another."""
    fake.images.add("app:latest", id=OLD)
    fake.images.add("built:1", id=NEW)
    with open_engine(Endpoint(fake.url)) as opened:
        yield opened


def names(fake: FakeEngine) -> dict[str, str]:
    """Return which image has each name."""
    return {name: image.id for image in fake.images.known.values() for name in image.tags}


def test_all_are_given(fake: FakeEngine, engine: Engine) -> None:
    give_tags(engine, NEW, ["app:7", "app:latest"])
    assert names(fake) == {"app:latest": NEW, "built:1": NEW, "app:7": NEW}


def test_when_one_is_refused_the_others_go_back(
    fake: FakeEngine, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = engine.tag

    def refuse(image: str, reference: str) -> None:
        if reference == "app:last":
            raise Conflict()
        tag(image, reference)

    monkeypatch.setattr(engine, "tag", refuse)
    with pytest.raises(Conflict):
        give_tags(engine, NEW, ["app:7", "app:latest", "app:last"])
    assert names(fake) == {"app:latest": OLD, "built:1": NEW}
