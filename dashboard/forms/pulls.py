"""The form that asks for a pull: which image, where to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from dashboard.forms.people import text_field
from fleet.models import Environment, Host
from fleet.selectors.given import given_number

PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le")


class PullForm(forms.Form):
    """What to pull; the operation says what is wrong with it. Hosts are read by `chosen_ids`."""

    reference = text_field(
        _("Image"),
        help_text=_(
            "Such as nginx:1.27, or registry.example.com/team/app:2 from another registry than"
            " Docker Hub. Without a tag it is latest."
        ),
        autocomplete="off",
        autocapitalize="none",
        placeholder="nginx:1.27",
        autofocus="",
    )
    platform = text_field(
        _("Platform"),
        help_text=_("Such as linux/arm64. Empty: that of each host, which is nearly always right."),
        required=False,
        autocomplete="off",
        list="platforms",
    )
    hosts = forms.Field(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        needed = _("Enter the name of an image, such as nginx:1.27.")
        self.fields["reference"].error_messages["required"] = needed

    def params(self) -> dict[str, Any]:
        """Return the operation's parameters."""
        return {name: self.data.get(name, "").strip() for name in ("reference", "platform")}


@dataclass(frozen=True)
class Group:
    """The hosts of one environment, with whether all of them are chosen."""

    environment: Environment
    hosts: list[tuple[Host, bool]]

    @property
    def everything(self) -> bool:
        """Whether each host that can be chosen is."""
        return all(chosen for host, chosen in self.hosts if host.enabled)


def groups_of(hosts: Iterable[Host], chosen: set[int]) -> list[Group]:
    """Return hosts (ordered by environment) as the form shows them."""
    grouped = groupby(hosts, key=lambda host: host.environment)
    return [Group(place, [(host, host.pk in chosen) for host in some]) for place, some in grouped]


def chosen_ids(sent: QueryDict, hosts: Iterable[Host]) -> set[int]:
    """Return the chosen ones of these hosts: one by one, by environment, or all."""
    ids = {given_number(value) for value in sent.getlist("host")}
    places = {given_number(value) for value in sent.getlist("environment")}
    everything = bool(sent.get("all"))
    return {
        host.pk for host in hosts if everything or host.pk in ids or host.environment_id in places
    }
