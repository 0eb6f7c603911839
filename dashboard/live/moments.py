"""What kept HTML cannot say for good: how long ago, and under which name we are reached.

Drawn elements hold marks in the place of such words; `finish` fills them in on their way out.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from django.http.request import host_validation_re, split_domain_port
from django.utils.safestring import SafeString

from dashboard.templatetags.quayside import ago_html
from dashboard.templatetags.words import ago_text

SITE = "this-site.quayside.invalid"
AGO = re.compile(r"\[\[ago (\d{1,11})\]\]")


def ago_mark(moment: datetime | None) -> SafeString:
    """Return a `<time>` whose words are filled in later; the browser keeps them right."""
    return ago_html(moment, lambda utc: f"[[ago {max(0, int(utc.timestamp()))}]]")


def finish(html: str, site: str) -> str:
    """Fill in the marks; `site` is the host name that the viewer's browser uses."""
    now = datetime.now(UTC)

    def words(match: re.Match[str]) -> str:
        return ago_text(datetime.fromtimestamp(int(match[1]), UTC), now)

    return AGO.sub(words, html).replace(SITE, site)


def site_of(host_header: str) -> str:
    """Return the host name of a Host header, without its port; localhost for nonsense."""
    if not host_validation_re.match(host_header.lower()):
        return "localhost"
    return split_domain_port(host_header)[0] or "localhost"
