"""How a request to somewhere outside can fail: a code, and a sentence for people."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
RAW_LIMIT = 2000


class OutboundError(Exception):
    """The request could not be made, or was not answered as HTTP.

    ``code`` is what code compares, ``message`` what a page shows, ``raw`` what the other side or
    a library said: a line of details.
    """

    def __init__(self, code: str, raw: str = "", *, message: Text = "") -> None:
        self.code = code
        self.message: Text = message or SENTENCES[code]
        self.raw = "".join(c if c.isprintable() else " " for c in raw[:RAW_LIMIT])
        super().__init__(code)

    def __str__(self) -> str:
        return str(self.message)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code!r})"


class AddressRefused(OutboundError):
    """The policy does not let us connect there; the message names the address and the setting."""

    def __init__(self, message: Text, raw: str = "") -> None:
        super().__init__("address_refused", raw, message=message)


SENTENCES: dict[str, Text] = {
    "bad_url": _("This is not an address that begins with https:// or http:// and names a host."),
    "address_refused": _("Quayside does not connect to this address."),
    "dns": _("The name of the host could not be found. Check the spelling, or use its IP address."),
    "dns_timeout": _("The name of the host could not be looked up in time. Check the DNS server."),
    "refused": _(
        "The connection was refused: nothing listens at this address and port. Check the port."
    ),
    "timeout": _(
        "No answer came in time. Check the address and the firewalls on the way, or try later."
    ),
    "unreachable": _("There is no network route to the host. Check the address and the network."),
    "disconnected": _("The connection was lost before the answer was complete. Try again."),
    "tls_unknown_authority": _(
        "The certificate was not signed by an authority that is trusted here. Paste the CA with "
        "which it was signed."
    ),
    "tls_name": _(
        "The certificate was made for another name. Use the name that it was made for, or make "
        "one whose subjectAltName has this name."
    ),
    "tls_expired": _("The certificate has expired. Renew it on the server."),
    "tls_not_yet_valid": _("The certificate is not valid yet. Check the clocks of both machines."),
    "tls_invalid": _("A secure connection could not be made: the certificate or TLS is not valid."),
    "tls_ca": _("The CA is not a certificate in PEM form."),
    "plain_http_on_https": _(
        "We spoke TLS, but the port answers in plain HTTP. Check the port, or use http:// if "
        "nobody else is on the network between."
    ),
    "https_on_plain_http": _("We spoke plain HTTP, but the port wants TLS. Use https://."),
    "insecure_redirect": _(
        "The server sends us on from https:// to http://, where everybody could read along. That "
        "is refused."
    ),
    "too_many_redirects": _("The server sends us from one address to the next without an end."),
    "too_large": _("The answer is larger than is accepted here."),
    "bad_answer": _("What answers there does not speak HTTP as it should. Check the port."),
}
