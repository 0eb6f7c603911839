"""What comes after a build, as a part of its form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from dashboard.forms.host_choice import Group, groups_of
from fleet.actor import Actor
from fleet.models import Build, Deploy, Environment, Host
from fleet.operations.release_input import FIELDS
from fleet.selectors.releases import places_for, release_facts

PLACES = ("deploy_hosts", "deploy_environments")


@dataclass(frozen=True)
class PlaceGroup(Group):
    """An environment that may be chosen as a whole, with what joins it later."""

    whole: bool = False  # it may be
    chosen: bool = False  # it is


class ReleaseFields(forms.Form):
    """The fields of what comes after a build."""

    push = forms.BooleanField(
        label=gettext_lazy("Push it"), required=False,
        help_text=gettext_lazy("All its names, to the registries that they say."),
    )  # fmt: skip
    deploy = forms.ChoiceField(
        label=gettext_lazy("Then, on hosts"), required=False, choices=Deploy.choices,
        help_text=gettext_lazy(
            "What was pushed is pulled first. A restart keeps the image that a container was made"
            " of; an update makes the container again of the new one."
        ),
    )  # fmt: skip
    deploy_hosts = forms.MultipleChoiceField(label=gettext_lazy("Hosts"), required=False)
    deploy_environments = forms.MultipleChoiceField(
        label=gettext_lazy("Environments"), required=False
    )
    places_hidden = False  # it goes to places that the reader does not see: they stay

    def offer_places(self, actor: Actor, build: Build | None) -> None:
        """Offer where the actor may deploy, and what is chosen already."""
        facts = release_facts(actor, [build])[build.pk] if build else None
        self.places_hidden = bool(facts and facts.hidden)
        if self.places_hidden:
            for name in PLACES:
                del self.fields[name]
            return
        hosts, places = places_for(actor)
        self._hosts = {host.pk: host for host in [*hosts, *(facts.hosts if facts else [])]}
        self._places = {one.pk: one for one in [*places, *(facts.environments if facts else [])]}
        self._choose("deploy_hosts", self._hosts.values())
        self._choose("deploy_environments", self._places.values())

    def _choose(self, name: str, rows: Iterable[Host | Environment]) -> None:
        field: Any = self.fields[name]
        field.choices = [(str(row.pk), row.name) for row in rows]

    @property
    def place_groups(self) -> list[PlaceGroup]:
        """The environments with their hosts, by name."""
        on, at = (set(self[name].value() or ()) for name in PLACES)
        chosen = {pk for pk in self._hosts if str(pk) in on}
        hosts = sorted(self._hosts.values(), key=lambda one: (one.environment.name, one.name))
        grouped = {one.environment: one.hosts for one in groups_of(hosts, chosen)}
        places = sorted({*grouped, *self._places.values()}, key=lambda one: one.name)
        return [
            PlaceGroup(place, grouped.get(place, []), place.pk in self._places, str(place.pk) in at)
            for place in places
        ]

    def release_data(self) -> dict[str, Any]:
        """Return what the operation takes of it."""
        found = {name: self.cleaned_data[name] for name in FIELDS if name in self.fields}
        for name in PLACES:
            if name in found:
                found[name] = [int(value) for value in found[name]]
        return found


def release_initial(build: Build) -> dict[str, Any]:
    """Return what is stored of it."""
    places = {name: [str(one.pk) for one in getattr(build, name).all()] for name in PLACES}
    return {"push": build.push, "deploy": build.deploy, **places}
