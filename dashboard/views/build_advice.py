"""Advice on a Dockerfile that is being typed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_POST

from dashboard.requests import actor_of
from dashboard.templatetags.states import Look
from fleet.selectors.build_advice import Advice, build_advice

LOOKS = {
    "error": Look("bad", "circle-x", gettext_lazy("error")),
    "warning": Look("warn", "alert-triangle", gettext_lazy("warning")),
    "info": Look("busy", "info-circle", gettext_lazy("hint")),
    "style": Look("idle", "pencil", gettext_lazy("style")),
}
COUNTS = {
    "error": ngettext_lazy("%(n)d error", "%(n)d errors", "n"),
    "warning": ngettext_lazy("%(n)d warning", "%(n)d warnings", "n"),
    "info": ngettext_lazy("%(n)d hint", "%(n)d hints", "n"),
    "style": ngettext_lazy("%(n)d of style", "%(n)d of style", "n"),
}


@require_POST
def lint(request: HttpRequest) -> HttpResponse:
    """Answer with the list that stands beside the editor."""
    text = request.POST.get("dockerfile_text", "")
    found = build_advice(actor_of(request), text)
    context = {
        "rows": [_row(one) for one in found.advice],
        "counts": _counts(found.advice),
        "note": found.note,
        "empty": not text.strip(),
    }
    return render(request, "builds/advice.html", context)


def _row(one: Advice) -> dict[str, Any]:
    return {"advice": one, "look": LOOKS[one.level]}


def _counts(advice: list[Advice]) -> str:
    """Return how many there are of each level: `1 error, 2 warnings`."""
    found = Counter(one.level for one in advice)
    return ", ".join(str(COUNTS[level] % {"n": found[level]}) for level in COUNTS if found[level])
