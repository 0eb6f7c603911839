"""Logs tell where something broke, and never what was in the variables there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from config.logs import setup_logs


def missing(request: HttpRequest) -> HttpResponse:
    """There is no such thing."""
    raise Http404


def broken(request: HttpRequest) -> HttpResponse:
    """A bug."""
    raise ValueError


def answer(status: int) -> Callable[[HttpRequest], HttpResponse]:
    """Return a view that answers so."""
    return lambda _request: HttpResponse(status=status)


def page_of_error(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Nothing more to say."""
    return HttpResponse(status=404 if exception else 500)


urlpatterns = [
    path("missing/", missing),
    path("405/", answer(405)),
    path("503/", answer(503)),
    path("500/", answer(500)),
    path("broken/", broken),
]
handler404 = handler500 = page_of_error
no_middleware = override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[])


@pytest.fixture(autouse=True)
def root() -> Iterator[logging.Logger]:
    """Give the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def told_of(where: str, level: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what is logged when a page is asked for."""
    setup_logs(level, colours=False)
    Client(raise_request_exception=False).get(f"/{where}/")
    return capsys.readouterr().err


@no_middleware
@pytest.mark.parametrize("where", ["missing", "405", "503"])
def test_it_keeps_what_was_answered_in_words_for_debugging(
    where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told_of(where, "INFO", capsys) == ""
    told = told_of(where, "DEBUG", capsys)
    assert f"/{where}/" in told
    assert "debug" in told
    assert "warning" not in told


@no_middleware
@pytest.mark.parametrize("where", ["500", "broken"])
def test_it_logs_what_is_our_fault(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = told_of(where, "INFO", capsys)
    assert "error" in told
    assert f"/{where}/" in told


def test_it_never_logs_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logs("INFO", colours=False)
    secret = "hunter" + "2"
    try:
        raise ValueError(f"of {len(secret)} letters")
    except ValueError:
        structlog.get_logger("tests").exception("it_broke")
    told = capsys.readouterr().err
    assert "it_broke" in told
    assert "ValueError: of 7 letters" in told
    assert "hunter2" not in told
