"""What containers and hosts use: charts over time."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from fleet.selectors.usage import RANGES


def charts_context(request: HttpRequest, source: str) -> dict[str, Any]:
    """Return what components/charts.html needs; `source` tells the history, for `?range=`."""
    names = {"1h": _("1 hour"), "24h": _("24 hours"), "7d": _("7 days")}
    span = request.GET.get("range", "")
    span = span if span in RANGES else next(iter(RANGES))
    return {
        "source": source,
        "range": span,
        "ranges": [
            {"href": f"?range={name}", "label": label, "active": name == span}
            for name, label in names.items()
        ],
        "sampled": bool(settings.SAMPLE_SECONDS),
    }
