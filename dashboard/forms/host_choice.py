"""The hosts of a form that asks for something on many: one by one, by environment, or all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from dashboard.forms.people import attempt
from dashboard.requests import actor_of
from fleet.access import Refused, visible_hosts
from fleet.models import Environment, Host
from fleet.operations.many_hosts import AskedHosts, ask_on_hosts
from fleet.selectors.given import given_number


class HostsForm(forms.Form):
    """What is asked for; its hosts are read by `HostChoice`, errors of theirs stand here."""

    hosts = forms.Field(required=False, widget=forms.HiddenInput)

    def params(self) -> dict[str, Any]:
        """Return the operation's parameters; the operation says what is wrong with them."""
        return {}


class HostChoice:
    """The hosts where the actor may do something, and which of them are chosen.

    One that makes no sense is left out by `but`. Raises Refused when the actor may do it nowhere.
    """

    def __init__(self, request: HttpRequest, operation: str, *, but: int = 0) -> None:
        self.actor, self.operation = actor_of(request), operation
        reach = self.actor.access.reach(operation)
        if not reach:
            raise Refused(operation)
        rows = visible_hosts(self.actor).filter(reach.q()).exclude(pk=but)
        self.hosts = list(rows.order_by("environment__name", "name"))
        sent = request.POST if request.method == "POST" else request.GET
        self.ids = chosen_ids(sent, self.hosts)

    @property
    def rows(self) -> QuerySet[Host]:
        """The chosen ones."""
        return visible_hosts(self.actor).filter(pk__in=self.ids)

    def ask(self, form: HostsForm, params: dict[str, Any] | None = None) -> AskedHosts | None:
        """Ask for it there; None when something is wrong, which the form tells then.

        `params` stand for the form's own, where it does not know all of them.
        """
        name, actor = self.operation, self.actor
        values = form.params() if params is None else params
        return attempt(
            form, lambda: ask_on_hosts(name, actor=actor, hosts=self.rows, params=values)
        )

    def context(self) -> dict[str, Any]:
        """Return what the part of the page with the hosts shows."""
        return {
            "groups": groups_of(self.hosts, self.ids),
            "any_hosts": bool(self.hosts),
            "count": len(self.ids),
        }


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
    """Return the chosen ones of these hosts."""
    ids = {given_number(value) for value in sent.getlist("host")}
    places = {given_number(value) for value in sent.getlist("environment")}
    everything = bool(sent.get("all"))
    return {
        host.pk for host in hosts if everything or host.pk in ids or host.environment_id in places
    }
