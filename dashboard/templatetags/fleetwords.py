"""Words for what hosts' and events' pages name: jobs, states, kinds of objects."""

from __future__ import annotations

from zlib import crc32

from django import template
from django.forms import BaseForm
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.forms.registries import PRESETS
from dashboard.templatetags import states
from dashboard.templatetags.quayside import icon
from fleet.models import Host, Job, Registry
from fleet.operations import REGISTRY, words

register = template.Library()
LINKED = 5  # hosts in a sentence
OBJECT_WORDS = {
    "container": gettext_lazy("container"),
    "image": gettext_lazy("image"),
    "volume": gettext_lazy("volume"),
    "network": gettext_lazy("network"),
    "host": gettext_lazy("host"),
    "daemon": gettext_lazy("engine"),
}


@register.simple_tag
def job_title(job: Job) -> str:
    """Say what a job does to what: `Restart web-1 on prod-2`, `Stop 12 containers`."""
    verb = job_verb(job)
    operation = REGISTRY.get(job.operation)
    if operation is not None and operation.about:
        named = {"verb": verb, "target": job.target_name, "host": job.host_name}
        return _("%(verb)s %(target)s on %(host)s") % named
    if job.children_count and job.target_kind != "host":
        return _("%(verb)s %(count)d containers") % {"verb": verb, "count": job.children_count}
    if job.target_kind == "host" or not job.host_name:
        return f"{verb}: {job.target_name}" if job.target_name else verb
    named = {"verb": verb, "target": job.target_name, "host": job.host_name}
    return _("%(verb)s %(target)s on %(host)s") % named


@register.simple_tag
def job_verb(job: Job) -> str:
    """Say only what a job does: `Restart`."""
    operation = REGISTRY.get(job.operation)
    return words(operation, "")["verb"] if operation else job.operation


@register.simple_tag
def registry_icon(registry: Registry) -> SafeString:
    """Show the icon of a registry's kind, with its name."""
    return icon(PRESETS[registry.kind].icon, registry.get_kind_display())


@register.simple_tag
def host_word(state: str) -> str:
    """Return a host's state in words."""
    return str(states.look_of("host", state).words)


@register.simple_tag
def host_links(hosts: list[Host]) -> SafeString:
    """Name the first hosts, each with a link to its page: `prod-1, prod-2 and 3 more`."""
    links = format_html_join(
        ", ",
        '<a href="{}">{}</a>',
        ((reverse("host-detail", args=[host.pk]), host.name) for host in hosts[:LINKED]),
    )
    more = len(hosts) - LINKED
    if more <= 0:
        return links
    return format_html(_("{hosts} and {count} more"), hosts=links, count=more)


@register.simple_tag
def object_word(kind: str) -> str:
    """Return the kind of an event's object in words."""
    return str(OBJECT_WORDS.get(kind, kind))


@register.simple_tag
def clock(event_at: object) -> SafeString:
    """Show the time of day of an event in the active zone; the day stands above it."""
    local = timezone.localtime(event_at)  # type: ignore[arg-type]
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="milliseconds"),
        f"{local:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f" {local:%Z}",
        f"{local:%H:%M:%S}",
    )


@register.filter
def hosts_rev(hosts: list[Host]) -> str:
    """Return what changes with the names and number of some hosts."""
    return "-".join(f"{host.pk}.{crc32(host.name.encode()):x}" for host in hosts) or "0"


@register.simple_tag
def field_label(form: BaseForm, name: str) -> str:
    """Return the label of a form's field with a colon; "" for the whole form."""
    field = form.fields.get(name)
    label = str(field.label or "").rstrip(".") if field else ""  # some are whole sentences
    return f"{label}:" if label else ""


@register.filter
def short_number(number: int) -> str:
    """Return a count that may be huge in at most five signs: `940`, `12.3 k`, `1.2 M`, `12 G`."""
    for unit, step in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= step:
            shown = number / step
            return f"{shown:.0f} {unit}" if shown >= 100 else f"{shown:.3g} {unit}"
    return str(number)


@register.simple_tag
def container_href(pk: int) -> str:
    """Return the address of a container's page."""
    return f"{reverse('container-list')}{pk}/"
