"""How a registry can fail, as codes with sentences that say what to do.

``str(error)`` is what a page shows; ``error.code`` is what code compares; ``error.raw`` is what the
registry itself said and belongs in a line of details; ``error.permanent`` tells a job that trying
again cannot help.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from fleet.outbound.errors import AddressRefused, OutboundError

Text = str | Promise
RAW_LIMIT = 2000
# What may go away by itself.
PASSING = frozenset(
    {"dns_timeout", "refused", "timeout", "unreachable", "disconnected", "rate_limited",
     "registry_error"}
)  # fmt: skip


class RegistryError(Exception):
    """The registry, or the way to it, said no. Made with a code; the sentence follows from it.

    ``retry_after`` is how many seconds the registry asks to wait, 0 when it says nothing of it.
    """

    def __init__(
        self, code: str, raw: str = "", *, message: Text = "", retry_after: int = 0
    ) -> None:
        self.code = code
        self.message: Text = message or SENTENCES[code]
        self.raw = "".join(c if c.isprintable() else " " for c in raw[:RAW_LIMIT])
        self.retry_after = retry_after
        super().__init__(code)

    @property
    def permanent(self) -> bool:
        """Whether trying again soon cannot help."""
        return self.code not in PASSING

    def __str__(self) -> str:
        return str(self.message)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code!r})"


class BadTarget(RegistryError):
    """An address or credential that cannot work; ``field`` names the form field."""

    def __init__(self, field: str, message: Text) -> None:
        super().__init__("bad_target", message=message)
        self.field = field


def from_outbound(error: OutboundError) -> RegistryError:
    """The failure of a request, as one of a registry."""
    # Which address was refused, and what would allow it, only the policy knows.
    ours = "" if isinstance(error, AddressRefused) else SENTENCES.get(error.code, "")
    return RegistryError(error.code, error.raw, message=ours or error.message)


def rate_limited(retry_after: int, raw: str = "") -> RegistryError:
    """The registry has had enough requests; the sentence says how long to wait."""
    if not retry_after:
        return RegistryError("rate_limited", raw)
    if retry_after < 60:
        number, wait = retry_after, ngettext_lazy("in %(n)s second", "in %(n)s seconds", "n")
    else:
        number = -(-retry_after // 60)
        wait = ngettext_lazy("in %(n)s minute", "in %(n)s minutes", "n")
    message = format_lazy(
        _(
            "The registry accepts no more requests for now. Try again {when}, or sign in with an "
            "account that has a higher limit."
        ),
        when=wait % {"n": number},
    )
    return RegistryError("rate_limited", raw, message=message, retry_after=retry_after)


SENTENCES: dict[str, Text] = {
    "bad_target": _("The address or the credentials of the registry cannot be used."),
    "dns": _(
        "The name of the registry could not be found. Check the spelling, or use its IP address."
    ),
    "refused": _(
        "The connection was refused: nothing listens at this address and port. Check the port, "
        "and that the registry runs."
    ),
    "timeout": _(
        "The registry did not answer in time. Check the address and the firewalls on the way, or "
        "try later."
    ),
    "disconnected": _("The registry hung up before its answer was complete. Try again."),
    "tls_unknown_authority": _(
        "The registry's certificate was not signed by an authority that is trusted here. Paste "
        "the CA with which it was signed."
    ),
    "tls_name": _(
        "The registry's certificate was made for another name. Use the name that it was made for, "
        "or make one whose subjectAltName has this name."
    ),
    "tls_expired": _("The registry's certificate has expired. Renew it there."),
    "plain_http_on_https": _(
        "The registry answers in plain HTTP. Check the port; or write http:// and confirm that "
        "the connection is not secure."
    ),
    "https_on_plain_http": _("The registry wants TLS. Write https:// instead of http://."),
    "unauthorized": _(
        "The registry did not accept the user name and password. Check both; many registries want "
        "an access token in place of the password."
    ),
    "expired": _(
        "The password has run out at the registry: those of Amazon's ECR last twelve hours. Enter "
        "a new one."
    ),
    "credentials_needed": _(
        "The registry shows this to nobody without a user name and a password, or has no such "
        "image. Check the name, and enter credentials."
    ),
    "denied": _(
        "The registry does not allow this with these credentials, or has no such image: many do "
        "not tell which. Check the name, and ask for the right to it there."
    ),
    "not_found": _("The registry has no such image, tag or digest. Check the name."),
    "not_a_registry": _(
        "What answers at this address is not an image registry. Check address and port; a "
        "registry's web page often has another address."
    ),
    "rate_limited": _(
        "The registry accepts no more requests for now. Try again later, or sign in with an "
        "account that has a higher limit."
    ),
    "catalog_off": _(
        "This registry does not list its repositories, at least not with these credentials. "
        "Enter the name of one to look at it."
    ),
    "delete_off": _(
        "This registry does not delete. Its administrator can allow it: for Docker's own registry "
        "by storage.delete.enabled."
    ),
    "tag_delete_off": _(
        "This registry does not delete a tag alone, only images with all their tags, or nothing."
    ),
    "tag_moved": _(
        "The tag is another image by now: somebody has pushed meanwhile. Look at it again."
    ),
    "moved": _(
        "The registry sends us on to another address to sign in. Enter that address instead, if "
        "you trust it."
    ),
    "schema1": _(
        "This image is in the format of before 2017 (schema 1), which engines no longer pull. "
        "Build it anew and push it."
    ),
    "too_large": _("The registry's answer is larger than is accepted here."),
    "wrong_digest": _(
        "The registry sent something else than what was asked for: its digest is another. It is "
        "not used. Look at the registry's storage, and at proxies on the way."
    ),
    "bad_answer": _(
        "The registry's answer cannot be understood. Look at its log, and at proxies on the way."
    ),
    "invalid": _("The registry refused the request as not valid."),
    "registry_error": _("The registry has a fault of its own. Try later, or look at its log."),
    "address_refused": _("Quayside does not connect to the address of this registry."),
    "auth_unknown": _("The registry wants a way to sign in that is not known here."),
    "auth_address_refused": _(
        "The registry sends us elsewhere to sign in, and Quayside does not connect there: the "
        "address is not public. The setting QUAYSIDE_OUTBOUND_ALLOW can list it."
    ),
}
