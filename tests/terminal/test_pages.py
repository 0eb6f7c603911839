"""The page of a terminal: for whom there is one, and what it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.test import Client

from fleet.models import Container, User


def test_only_who_may_sees_the_tab(
    container: Container, viewer: User, operator: User, sign_in: Callable[[User], Client]
) -> None:
    address = f"/containers/{container.pk}/terminal/"
    for user, may in ((viewer, False), (operator, True)):
        client = sign_in(user)
        overview = client.get(f"/containers/{container.pk}/").content.decode()
        assert (address in overview) is may
        assert client.get(address).status_code == (200 if may else 403)


def test_the_page_names_its_container_and_styles_nothing_inline(
    container: Container, operator: User, sign_in: Callable[[User], Client]
) -> None:
    answer: Any = sign_in(operator).get(f"/containers/{container.pk}/terminal/")
    page = answer.content.decode()
    assert f'data-container="{container.pk}"' in page
    assert "style=" not in page and "<style" not in page
    assert "'unsafe-inline'" not in answer["Content-Security-Policy"]
