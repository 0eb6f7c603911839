"""Forms of schedules and webhooks: the shape of what is typed. The operations have the rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy

from dashboard.forms.builds import line
from dashboard.forms.people import zones
from dashboard.trigger_words import clock_words
from fleet.models import Build, BuildSchedule, BuildSource, Webhook, WebhookKind
from fleet.triggers.cron import BadCron, next_times

SHOWN = 3
EXAMPLES = (
    ("0 3 * * *", gettext_lazy("every night")),
    ("30 7 * * 1-5", gettext_lazy("each weekday morning")),
    ("0 * * * *", gettext_lazy("each hour")),
    ("0 4 * * sun", gettext_lazy("every Sunday")),
    ("0 2 1 * *", gettext_lazy("on the first of a month")),
)
ON = gettext_lazy("Switched on")
SECRET_HELP = gettext_lazy("Leave it empty: Quayside makes one and shows it, once.")
SECRET_HELPS = {
    WebhookKind.GITLAB: gettext_lazy(
        "A signing token that GitLab has made (whsec_…). Empty: Quayside makes one and shows it,"
        " once."
    )
}


def times_words(cron: str, zone: str) -> list[tuple[Any, str]]:
    """Return the next times of a schedule, each with its words. Raises BadCron."""
    found = next_times(cron, zone, timezone.now(), SHOWN)
    return [(at, clock_words(at, zone)) for at in found]


class ScheduleForm(forms.Form):
    """A schedule, new or to be changed."""

    cron = line(
        gettext_lazy("When"),
        gettext_lazy("Minute, hour, day of the month, month, day of the week, as in a crontab."),
        example="30 3 * * 1-5",
    )
    zone = forms.ChoiceField(
        label=gettext_lazy("By the clock of"), choices=lambda: zones()[1:], required=False
    )
    ref = line(
        gettext_lazy("Branch, tag or commit"),
        gettext_lazy("Leave it empty for what the build says."),
    )
    enabled = forms.BooleanField(label=ON, required=False)

    def __init__(
        self, data: QueryDict | None, *, build: Build, row: BuildSchedule | None, cron: str = ""
    ) -> None:
        now = (
            {name: getattr(row, name) for name in ("cron", "zone", "ref", "enabled")} if row else {}
        )
        first = {"zone": settings.TIME_ZONE, "enabled": True, "cron": "0 3 * * *", **now}
        super().__init__(data, initial={**first, **({"cron": cron} if cron else {})})
        self.use_required_attribute = False
        if build.source != BuildSource.GIT:
            del self.fields["ref"]

    @property
    def times(self) -> list[tuple[Any, str]]:
        """The next times, for a browser without scripts; none of what cannot be."""
        try:
            return times_words(str(self["cron"].value()), str(self["zone"].value()))
        except BadCron:
            return []


class WebhookForm(forms.Form):
    """A webhook, new (`kind` of it) or to be changed."""

    name = line(gettext_lazy("Name"), mono=False)
    branches = line(
        gettext_lazy("Branches"),
        gettext_lazy("Patterns such as “main, release/*”; “*” is all, “!wip/*” leaves out."),
        example="main",
    )
    tags = line(
        gettext_lazy("Tags"),
        gettext_lazy("Patterns such as “v*”. Leave it empty if tags start nothing."),
        example="v*",
    )
    secret = line(gettext_lazy("Secret"), SECRET_HELP)
    enabled = forms.BooleanField(label=ON, required=False)

    def __init__(
        self, data: QueryDict | None, *, build: Build, row: Webhook | None, kind: str = ""
    ) -> None:
        first: dict[str, Any] = {"enabled": True, "branches": build.git_ref or "main"}
        if row is not None:
            first = {name: getattr(row, name) for name in ("name", "branches", "tags", "enabled")}
        else:
            first["name"] = WebhookKind(kind).label if kind != WebhookKind.PLAIN else "push"
        super().__init__(data, initial=first)
        self.use_required_attribute = False
        if row is not None:
            del self.fields["secret"]
        else:
            _as_secret(self.fields["secret"], kind)


class SecretForm(forms.Form):
    """A new secret of a webhook."""

    secret = line(gettext_lazy("Secret"), SECRET_HELP)

    def __init__(self, data: QueryDict | None, *, kind: str) -> None:
        super().__init__(data)
        _as_secret(self.fields["secret"], kind)


def _as_secret(field: forms.Field, kind: str) -> None:
    field.help_text = SECRET_HELPS.get(WebhookKind(kind), SECRET_HELP)
    attrs = {"autocomplete": "new-password", "class": "mono"}
    field.widget = forms.PasswordInput(attrs=attrs)
