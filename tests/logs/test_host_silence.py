"""What a watcher says of a host whose log is quiet."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from fleet.engine.errors import EngineError
from fleet.logs.host_silence import HostSilence
from fleet.logs.target import Silence

NOW = timezone.now()


class Teller:
    """Who tells readers."""

    def __init__(self) -> None:
        self.away = False
        self.said: list[str] = []

    def tell_away(self, error: EngineError) -> None:
        """Tell that the host does not answer."""
        self.away = True
        self.said.append(error.code)

    def tell_back(self) -> None:
        """Tell that it answers again."""
        self.away = False
        self.said.append("back")


def silent(seconds: int, code: str = "timeout") -> Silence:
    """Return what a row says of a host that is silent for some seconds."""
    return Silence(NOW - timedelta(seconds=seconds), code)


def test_it_is_told_once_and_taken_back_once() -> None:
    teller = Teller()
    watched = HostSilence(teller)
    for said in (None, silent(5), silent(5, "refused"), None, None, silent(1), None):
        watched.hear(said)
    assert teller.said == ["timeout", "back", "timeout", "back"]


def test_what_was_said_before_the_connection_is_not_believed() -> None:
    teller = Teller()
    watched = HostSilence(teller)
    for said in (silent(60), silent(60), None, silent(1)):
        watched.hear(said)
    assert teller.said == ["timeout"]


def test_what_is_told_already_is_neither_told_nor_taken_back() -> None:
    teller = Teller()
    watched = HostSilence(teller)
    watched.hear(None)
    teller.away = True
    watched.hear(silent(1))
    watched.hear(None)
    assert teller.said == [] and teller.away


def test_a_line_that_comes_meanwhile_is_believed() -> None:
    teller = Teller()
    watched = HostSilence(teller)
    watched.hear(None)
    watched.hear(silent(5))
    teller.tell_back()  # a line has come
    watched.hear(silent(5))
    watched.hear(None)
    assert teller.said == ["timeout", "back"]
