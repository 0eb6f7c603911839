"""A page that shows every component, and the addresses that the frame names."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from dashboard.failures import failure
from dashboard.middleware import public

NAMES = (
    "container-list", "image-list", "build-list", "host-list", "job-list", "event-list",
    "administration", "account", "status", "preferences", "usage-top", "log-view", "registry-list",
)  # fmt: skip
STATES = [
    ("running", "", None, False), ("running", "healthy", None, False),
    ("running", "starting", None, False), ("running", "unhealthy", None, False),
    ("exited", "", 0, False), ("exited", "", 137, True), ("exited", "", 1, False),
    ("paused", "", None, False), ("restarting", "", 1, False), ("created", "", None, False),
    ("dead", "", None, False),
]  # fmt: skip
FACTS = ["Docker 29.1", "8 cpus", "31.2 GiB"]
CHIPS = [
    {"href": "?", "label": "state", "value": "unhealthy", "count": None, "active": True},
    {"href": "?a", "label": "running", "count": 73, "tone": "tone-ok", "icon": "circle-filled"},
    {"href": "?b", "label": "failed", "count": 2, "tone": "tone-bad", "icon": "alert-circle"},
]
BULK = [
    {"href": "/containers/bulk/restart/", "label": "Restart", "icon": "rotate-clockwise"},
    {"href": "/containers/bulk/remove/", "label": "Remove", "icon": "trash", "danger": True},
]
ROW_ACTIONS = [
    {"name": "stop", "label": "Stop", "icon": "player-stop"},
    {"name": "restart", "label": "Restart", "icon": "rotate-clockwise"},
    {"name": "kill", "label": "Kill", "icon": "bolt"},
    {"name": "hr"},
    {"name": "remove", "label": "Remove", "icon": "trash", "danger": True, "dialog": True},
]
LONG_IMAGE = "registry.example.org/platform/storefront/web:2026.11.3"
IMAGES = ("postgres:17.2-alpine", LONG_IMAGE, "redis:8")


class HostForm(forms.Form):
    """A form with one of each kind of field."""

    name = forms.CharField(label="Name", help_text="What everybody will call it.")
    url = forms.CharField(label="Address", help_text="unix://, tcp:// or ssh://")
    environment = forms.ChoiceField(label="Environment", choices=[("1", "production")])
    tls_key = forms.CharField(label="Client key", required=False, widget=forms.Textarea)
    insecure = forms.BooleanField(label="Plain TCP, not secure", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tls_key"].secret_is_set = True  # type: ignore[attr-defined]


def a_row(number: int, count: int = len(STATES)) -> SimpleNamespace:
    """Return one container as a list shows it."""
    state, health, exit_code, oom = STATES[number % count]
    port = {"container_port": 80, "protocol": "tcp", "host_port": 8000 + number}
    return SimpleNamespace(
        id=number,
        name=f"web-{number}" if number % 4 else f"shop_storefront_checkout-worker_{number}",
        state=state,
        health=health,
        exit_code=exit_code,
        oom_killed=oom,
        host=f"prod-{number % 3}",
        image=IMAGES[number % 3],
        image_id="sha256:" + f"{number:064x}",
        ports=[port] if number % 2 else [],
        created=timezone.now() - timedelta(minutes=7 ** (number % 6)),
    )


def a_host(number: int, name: str, state: str) -> SimpleNamespace:
    """Return one host as a tile shows it."""
    return SimpleNamespace(
        pk=number,
        name=name,
        state=state,
        last_seen=timezone.now() - timedelta(minutes=2),
        revision=1,
        environment=SimpleNamespace(name="production"),
    )


def some_hosts() -> list[dict[str, Any]]:
    """Return hosts in each state, with counts."""
    known: list[tuple[str, str, dict[str, int], str]] = [
        ("prod-1", "reachable", {"ok": 42, "idle": 3}, ""),
        ("prod-2", "reachable", {"ok": 31, "warn": 2, "bad": 1}, "web-1: exit 137: killed"),
        ("prod-3", "unreachable", {"away": 50}, "Connection timed out after 5 s."),
        ("stage-1", "disabled", {}, ""),
    ]
    return [
        {"host": a_host(number, name, state), "counts": counts, "facts": FACTS, "note": note}
        for number, (name, state, counts, note) in enumerate(known)
    ]


def context(data: dict[str, str] | None = None) -> dict[str, Any]:
    """Return what the page of components shows."""
    rows = [a_row(number) for number in range(1, 26)]
    form = HostForm({"name": "", "url": "prod-3"} if data is None else data)
    form.is_valid()
    form.add_error("url", "Begin the address with unix://, tcp:// or ssh://.")
    return {
        "when": timezone.now() - timedelta(minutes=3),
        "states": STATES,
        "job_states": ["queued", "running", "succeeded", "failed", "errored", "cancelled", "lost"],
        "hosts": some_hosts(),
        "tabs": [
            {"href": "?", "label": "Overview", "active": True},
            {"href": "?logs", "label": "Logs"},
            {"href": "?events", "label": "Events", "count": 12},
        ],
        "chips": CHIPS,
        "columns": [
            {"key": "host", "label": "Host", "shown": True},
            {"key": "image", "label": "Image", "shown": True},
        ],
        "rows": rows,
        "page_obj": Paginator(range(240), 25).page(4),
        "page_sizes": [25, 50, 100],
        "page_size": 25,
        "bulk_actions": BULK,
        "row_actions": ROW_ACTIONS,
        "form": form,
        "density": "comfortable",
    }


@public
def components(request: HttpRequest) -> HttpResponse:
    """The page."""
    return render(request, "frame/components.html", context())


@public
def plain(request: HttpRequest) -> HttpResponse:
    """A page without the frame."""
    return failure(request, 404, "There is no such page.")


urlpatterns = [
    path("", components, name="fleet"),
    path("plain/", plain),
    path("accounts/login/", plain, name="account_login"),
    path("accounts/logout/", plain, name="account_logout"),
    *(path(f"{name}/", components, name=name) for name in NAMES),
]
