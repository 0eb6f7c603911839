"""The form of a saved filter."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from dashboard.forms.people import LONG
from fleet.models import SavedFilter


class SavedFilterForm(forms.Form):
    """Its name, who may use it and, where another filter is set just now, that one in its place."""

    use_required_attribute = False
    name = forms.CharField(
        label=_("Name"),
        max_length=LONG,
        error_messages={"required": _("Enter a name.")},
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autofocus": True, "placeholder": _("Failed here")}
        ),
    )
    replace = forms.BooleanField(label=_("Let it find what is set now"), required=False)
    shared = forms.BooleanField(
        label=_("Everybody on this Quayside may use it"),
        required=False,
        help_text=_("Each of them finds only what they may see."),
    )
    query = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, sent: QueryDict | None, *, row: SavedFilter | None = None, query: str = ""
    ) -> None:
        kept = {"name": row.name, "shared": row.shared} if row else {}
        super().__init__(sent, initial={**kept, "query": query})
        self.other = sent.get("query", "") if sent is not None else query
        if row is None or not self.other or self.other == row.query:
            del self.fields["replace"]
        self.new = row is None

    def data_for(self) -> dict[str, Any]:
        """Return what the operation takes."""
        found = {name: self.cleaned_data[name] for name in ("name", "shared")}
        if self.new or self.cleaned_data.get("replace"):
            found["query"] = self.cleaned_data["query"]
        return found
