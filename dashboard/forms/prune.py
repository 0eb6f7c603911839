"""The forms of pruning images and build cache: what goes, what stays."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from dashboard.forms.host_choice import HostsForm

WHICH = [
    ("dangling", _("Dangling ones, which have no tag")),
    ("unused", _("All that no container uses")),
]
FIELDS = ("which", "older_days", "keep_last", "keep_labels")


def _number(label: Any, help_text: Any) -> forms.Field:
    """Return a field that takes anything: what is wrong is said by the operation."""
    widget = forms.NumberInput(attrs={"inputmode": "numeric", "min": "0"})
    return forms.CharField(label=label, help_text=help_text, required=False, widget=widget)


class PruneForm(HostsForm):
    """The rules; the operation says what is wrong with them."""

    which = forms.CharField(
        label=_("Which images"), required=False, widget=forms.Select(choices=WHICH)
    )
    older_days = _number(_("Older than, in days"), _("By when they were built. 0: of any age."))
    keep_last = _number(
        _("Keep of each repository"), _("So many of the newest images stay. 0: none for that.")
    )
    keep_labels = forms.CharField(
        label=_("Keep what has a label"),
        help_text=_("One a line: key or key=value."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "mono", "spellcheck": "false"}),
    )
    typed = forms.CharField(required=False, widget=forms.HiddenInput)

    def params(self) -> dict[str, Any]:
        """Return the operation's parameters; what was left out is default."""
        found: dict[str, Any] = {
            name: self.data[name].strip() for name in FIELDS[:3] if self.data.get(name, "").strip()
        }
        lines = (line.strip() for line in self.data.get("keep_labels", "").splitlines())
        return {**found, "keep_labels": [line for line in lines if line]}


def initial_of(sent: QueryDict) -> dict[str, str]:
    """Return what an address fills the form in with."""
    start = {"which": "dangling", "older_days": "0", "keep_last": "0", "keep_labels": ""}
    return {name: sent.get(name, held)[:2000] for name, held in start.items()}


class CacheForm(HostsForm):
    """What of the build cache stays; the operation says what is wrong with it."""

    keep_gib = _number(_("Keep, in GiB"), _("Of each host, what was used last. 0: nothing."))
    unused_days = _number(_("Unused for, in days"), _("What was used since stays. 0: all goes."))

    def params(self) -> dict[str, Any]:
        """Return the operation's parameters; what was left out is default."""
        sent = {name: self.data.get(name, "").strip() for name in ("keep_gib", "unused_days")}
        return {name: text for name, text in sent.items() if text}
