"""Tags of every template (a built-in library): icons, states, times, sizes, names, forms."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.core.paginator import Page
from django.forms import BaseForm, BoundField
from django.template.context import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from dashboard.templatetags import states, words

register = template.Library()
NOTHING = format_html('<span class="faint">{}</span>', "–")


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Show an icon of scripts/icons.txt; with a label when no word stands beside it."""
    if label:
        return format_html(
            '<i class="qi qi-{}" role="img" aria-label="{}" title="{}"></i>', name, label, label
        )
    return format_html('<i class="qi qi-{}" aria-hidden="true"></i>', name)


def badge(look: states.Look, note: Any = "") -> SafeString:
    """Return a state as icon and word."""
    turning = " turning" if look.turning else ""
    said = format_html(' <span class="state-note">{}</span>', note) if note else ""
    hatched = look.tone == "away"
    word = format_html("<span>{}</span>", look.words) if hatched else look.words
    return format_html(
        '<span class="state with-icon qi-{} tone-{}{}" title="{}">{}{}</span>',
        look.icon, look.tone, turning, look.words, word, said,
    )  # fmt: skip


@register.simple_tag
def state_badge(
    state: str, health: str = "", exit_code: int | None = None, oom: bool = False
) -> SafeString:
    """Show a container's state, with its health while it runs and its end once it ended."""
    return badge(states.container_look(state, health, exit_code, oom))


@register.simple_tag
def container_state(container: Any) -> SafeString:
    """Show the state of a `Container`; hatched with its age while its host is away."""
    look = states.container_look(
        container.state, container.health, container.exit_code, container.oom_killed
    )
    if container.host.state == "unreachable":
        away = states.Look("away", "plug-x", look.words)
        return badge(away, format_html("{}", ago(container.seen_at)))
    return badge(look)


@register.simple_tag
def host_state(host: Any) -> SafeString:
    """Show the state of a `Host`; when it is unreachable, with when it was last seen."""
    look = states.look_of("host", host.state)
    if host.state == "unreachable" and host.last_seen:
        return badge(look, format_html("{} {}", _("last seen"), ago(host.last_seen)))
    return badge(look)


@register.simple_tag
def job_state(state: str) -> SafeString:
    """Show a job's state."""
    return badge(states.look_of("job", state))


@register.simple_tag
def stage_state(state: str, words: str) -> SafeString:
    """Show how a stage of a run stands, in words of its own."""
    return badge(replace(states.look_of("stage", state), words=words))


@register.filter
def tone(state: str, kind: str = "container") -> str:
    """Return the tone class of a state: `{{ host.state|tone:"host" }}`."""
    return f"tone-{states.look_of(kind, state).tone}"


@register.simple_tag
def state_icon(state: str, kind: str = "container") -> SafeString:
    """Show just the icon of a state, for chips that carry the word themselves."""
    look = states.look_of(kind, state)
    return format_html('<i class="qi qi-{} tone-{}" aria-hidden="true"></i>', look.icon, look.tone)


@register.simple_tag
def ago(moment: datetime | None) -> SafeString:
    """Show how long ago; exact on hover; kept right by the browser."""
    return ago_html(moment, words.ago_text)


def ago_html(moment: datetime | None, text: Callable[[datetime], str]) -> SafeString:
    """Return the `<time>` that the browser keeps right, with the words for now."""
    if moment is None:
        return NOTHING
    utc = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC" data-ago>{}</time>',
        utc.isoformat(timespec="seconds"), f"{utc:%Y-%m-%d %H:%M:%S}", text(utc),
    )  # fmt: skip


@register.simple_tag
def moment(when: datetime | None) -> SafeString:
    """Show an exact time; the browser writes it in the reader's zone."""
    if when is None:
        return NOTHING
    utc = when.astimezone(UTC)
    return format_html(
        '<time datetime="{}" data-moment>{} UTC</time>',
        utc.isoformat(timespec="milliseconds"), f"{utc:%Y-%m-%d %H:%M:%S}",
    )  # fmt: skip


@register.simple_tag
def size(count: int | None) -> SafeString:
    """Show bytes in IEC units, the exact number on hover."""
    if count is None:
        return NOTHING
    return format_html('<span title="{} B">{}</span>', count, words.size_text(count))


@register.simple_tag
def short_id(identifier: str) -> SafeString:
    """Show twelve letters of an id; a click copies the whole."""
    if not identifier:
        return NOTHING
    return format_html(
        '<button type="button" class="copy" data-copy="{}" title="{}" aria-label="{}">'
        "{}{}</button>",
        identifier, identifier, _("Copy %s") % identifier, words.short(identifier), icon("copy"),
    )  # fmt: skip


@register.simple_tag
def middle(text: Any, length: int = 40) -> SafeString:
    """Show a text cut in the middle, the whole on hover."""
    whole = str(text)
    cut = words.middle_text(whole, length)
    return format_html("{}", whole) if cut == whole else format_html(
        '<span title="{}">{}</span>', whole, cut
    )  # fmt: skip


@register.simple_tag
def image(reference: str, image_id: str = "") -> SafeString:
    """Show an image's reference, `name:tag` in full ink; reference and digest on hover."""
    if not reference:
        return NOTHING
    path, name = words.image_parts(reference)
    hover = f"{reference}\n{image_id}" if image_id and image_id != reference else reference
    left = format_html("<span>{}</span>", path) if path else ""
    return format_html('<span class="image mono" title="{}">{}<b>{}</b></span>', hover, left, name)


def port_address(context: Context, host_url: str) -> str:
    """Return where a host's published ports are reached: its own name, else ours."""
    try:
        parts = urlsplit(host_url)
        named = parts.hostname if parts.scheme in {"tcp", "ssh", "https"} else None
    except ValueError:
        named = None
    request = context.get("request")
    ours = urlsplit(f"//{request.get_host()}").hostname if request else None
    address = named or ours or "localhost"
    return f"[{address}]" if ":" in address else address


@register.simple_tag(takes_context=True)
def ports(context: Context, published: list[dict[str, Any]], host_url: str = "") -> SafeString:
    """Show ports, nothing without any; those that a browser may open are links.

    IPv4 and IPv6 twins show once.
    """
    address = port_address(context, host_url)
    seen: dict[str, SafeString] = {}
    for port in published or []:
        inside = f"{port.get('container_port')}/{port.get('protocol', 'tcp')}"
        outside = port.get("host_port")
        if not outside:
            seen.setdefault(inside, format_html('<span class="faint">{}</span>', inside))
            continue
        seen.setdefault(f"{outside}:{inside}", port_link(port, address, f"{outside} → {inside}"))
    listed = format_html_join(" ", "{}", ((shown,) for shown in seen.values()))
    return format_html('<span class="ports">{}</span>', listed) if seen else SafeString("")


def port_link(port: dict[str, Any], address: str, hover: str) -> SafeString:
    """Return one published port as a link, or as words when no browser can reach it."""
    outside = port["host_port"]
    if port.get("host_ip") in {"127.0.0.1", "::1"}:
        hover = _("%s, on the host itself only") % hover
        return format_html('<span class="faint" title="{}">{}</span>', hover, outside)
    if port.get("protocol", "tcp") != "tcp":
        return format_html('<span title="{}">{}/{}</span>', hover, outside, port["protocol"])
    scheme = "https" if port.get("container_port") in {443, 8443, 9443} else "http"
    return format_html(
        '<a href="{}://{}:{}" target="_blank" rel="noopener noreferrer" title="{}">{}</a>',
        scheme, address, outside, hover, outside,
    )  # fmt: skip


@register.simple_tag
def progress(percent: int, tone: str = "busy", label: str = "") -> SafeString:
    """Show how far something is, in percent."""
    value = max(0, min(100, int(percent or 0)))
    return format_html(
        '<progress class="progress tone-{}" max="100" value="{}" aria-label="{}">{} %</progress>',
        tone, value, label or _("Progress"), value,
    )  # fmt: skip


@register.simple_tag
def health_bar(counts: dict[str, int]) -> SafeString:
    """Show counts by tone ({"ok": 12, "bad": 1}) as one bar in proportion, said in words too."""
    total = sum(counts.values())
    rects, at = [], 0.0
    for name in states.TONES:
        if counts.get(name):
            width = 100 * counts[name] / total
            rects.append((f"tone-{name}", f"{at:.2f}", f"{width:.2f}"))
            at += width
    drawn = format_html_join(
        "", '<rect class="{}" x="{}" y="0" width="{}" height="6"/>', iter(rects)
    )
    said = words.count_words(counts)
    return format_html(
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" role="img"'
        ' aria-label="{}"><title>{}</title>'
        '<rect class="bar-ground" width="100" height="6"/>{}</svg>',
        said, said, drawn,
    )  # fmt: skip


@register.simple_tag(takes_context=True)
def sort_header(context: Context, key: str, label: str, css: str = "") -> SafeString:
    """Show a table's head that sorts by click; `?sort=key`, a second click turns it round."""
    query = context["request"].GET.copy()
    current = query.get("sort") or context.get("sort") or ""
    query.pop("page", None)
    down = current == key
    query["sort"] = f"-{key}" if down else key
    active = current.lstrip("-") == key
    way = {True: "ascending", False: "descending"}[down]
    arrow = icon("arrow-up" if down else "arrow-down") if active else ""
    sort = format_html(' aria-sort="{}"', way) if active else ""
    return format_html(
        '<th scope="col" class="col-{} {}"{}><a href="?{}">{}{}</a></th>',
        key, css, sort, query.urlencode(), label, arrow,
    )  # fmt: skip


@register.filter
def page_numbers(page: Page[Any]) -> list[int]:
    """Return the page numbers worth a link; 0 stands for those left out."""
    last = page.paginator.num_pages
    near = sorted({1, 2, last - 1, last, *range(page.number - 2, page.number + 3)})
    numbers: list[int] = []
    for number in near:
        if 1 <= number <= last:
            numbers += [0] if numbers and number > numbers[-1] + 1 else []
            numbers.append(number)
    return numbers


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, css: str = "") -> dict[str, Any]:
    """Show one field: label above, help and errors under it and tied to it."""
    ids = [f"{bound.auto_id}_help"] if bound.help_text else []
    ids += [f"{bound.auto_id}_error"] if bound.errors else []
    attrs: dict[str, str | bool] = {"class": css} if css else {}
    attrs |= {"aria-describedby": " ".join(ids)} if ids else {}
    attrs |= {"aria-invalid": "true"} if bound.errors else {}
    kind = getattr(bound.field.widget, "input_type", "")
    return {
        "field": bound,
        "input": bound.as_widget(attrs=attrs),
        "is_check": kind == "checkbox" and not bound.subwidgets[1:],
        "is_group": bound.use_fieldset,
        "is_set": getattr(bound.field, "secret_is_set", False),
        # What has a choice or a value already is not worth the word.
        "is_optional": not bound.field.required and kind != "select" and not bound.initial,
    }


@register.inclusion_tag("components/errors.html")
def form_errors(form: BaseForm) -> dict[str, Any]:
    """Sum up a form's errors above it; focus goes there."""
    return {"form": form, "faulty": [bound for bound in form if bound.errors]}


@register.simple_tag
def script_words() -> SafeString:
    """Hand the translated words to the scripts, as data that never runs."""
    text = json.dumps(words.script_words(), ensure_ascii=True)
    escaped = text.replace("<", "\\u003C").replace(">", "\\u003E").replace("&", "\\u0026")
    whole = f'<script type="application/json" id="words">{escaped}</script>'
    return mark_safe(whole)  # noqa: S308 - JSON with every sign of HTML escaped
