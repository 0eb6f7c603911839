"""Whether what came to a webhook is from who knows its secret, by what each sender offers.

What a body tells is read only once this said yes. Where the sender signs what lies in a form, that
is taken out of it before: of short forms alone, piece by piece. All comparisons take the same time.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from urllib.parse import unquote_to_bytes

from django.utils.translation import gettext as _

PREFIX = "whsec_"
KEY_BYTES = 32
TOLERANCE = 300  # seconds between a signed time and our clock
ID_LIMIT = 100  # letters of a delivery's id that are kept
FORM = "application/x-www-form-urlencoded"
FIELD = b"payload="
FORM_BYTES = 1024 * 1024  # of a form that is unpacked before anything is proven
PIECE = 64 * 1024
LIKE_GITEA = ("gitea", "forgejo", "gogs")  # in the names of their headers
# By which header each is known, and the kind for it; those that send GitHub's too come first.
SENDERS = (
    ("x-forgejo-event", "Forgejo", "gitea"),
    ("x-gitea-event", "Gitea", "gitea"),
    ("x-gogs-event", "Gogs", "gitea"),
    ("x-gitlab-event", "GitLab", "gitlab"),
    ("x-event-key", "Bitbucket", "plain"),
    ("x-github-event", "GitHub", "github"),
)
Headers = Mapping[str, str]  # names in small letters


class NotProven(Exception):
    """Nothing proves where it came from; `str()` says what was missing, without a secret."""


@dataclass(frozen=True)
class Proof:
    """What was proven: the id that the sender gave, and marks by which a repeat is known."""

    delivery_id: str
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Sent:
    """A request, and when it came (seconds since 1970)."""

    headers: Headers
    body: bytes
    at: float

    def header(self, *names: str) -> str:
        """Return the first header that is there, or an empty text."""
        return next((self.headers[name] for name in names if self.headers.get(name)), "").strip()

    @property
    def is_form(self) -> bool:
        """Whether the JSON lies in the field “payload” of a form."""
        return self.header("content-type").partition(";")[0].strip().lower() == FORM

    def json(self) -> bytes:
        """Return the JSON of the body. Raises ValueError for a form without it."""
        return _field(self.body) if self.is_form else self.body


def _field(form: bytes) -> bytes:
    """Return what “payload” says, byte for byte: it may be what was signed.

    In pieces, since taking apart escapes needs a hundred times the memory of what they are in.
    """
    at = 0 if form.startswith(FIELD) else form.find(b"&" + FIELD) + 1
    start = at + len(FIELD)
    next_field = form.find(b"&", start)
    end = len(form) if next_field < 0 else next_field
    if not form.startswith(FIELD, at) or start == end:
        raise ValueError(FIELD)
    pieces = []
    while start < end:
        stop = min(start + PIECE, end)
        escape = form.rfind(b"%", stop - 2, stop) if stop < end else -1
        stop = stop if escape < 0 else escape
        pieces.append(unquote_to_bytes(form[start:stop].replace(b"+", b" ")))
        start = stop
    return b"".join(pieces)


def new_secret() -> str:
    """Return a secret as Standard Webhooks writes it; any sender takes it as a text."""
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """Return the key that a secret of Standard Webhooks stands for."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def prove(kind: str, secret: str, sent: Sent) -> Proof:
    """Return what a request proves. Raises NotProven."""
    try:
        return PROVERS[kind](secret, sent)
    except NotProven:
        sender = next((row for row in SENDERS if sent.header(row[0])), None)
        if sender is None or sender[2] == kind:
            raise
        # Whoever chose another kind than sends finds no fault with the secret.
        words = _("It looks like %(sender)s, and this webhook is of another kind. Add one for it.")
        raise NotProven(words % {"sender": sender[1]}) from None


def _github(secret: str, sent: Sent) -> Proof:
    given = sent.header("x-hub-signature-256")
    return _of_body(secret, sent, given, "sha256=", sent.header("x-github-delivery"))


def _gitea(secret: str, sent: Sent) -> Proof:
    """In a form they sign the JSON that lies in it, where GitHub signs the form."""
    given = sent.header(*(f"x-{name}-signature" for name in LIKE_GITEA))
    if given and sent.is_form:
        if len(sent.body) > FORM_BYTES:
            raise NotProven(_("Its form is larger than 1 MB. Choose JSON there."))
        with contextlib.suppress(ValueError):
            sent = replace(sent, body=sent.json())
    delivery_id = sent.header(*(f"x-{name}-delivery" for name in LIKE_GITEA))
    return _of_body(secret, sent, given, "", delivery_id)


def _of_body(secret: str, sent: Sent, given: str, prefix: str, delivery_id: str) -> Proof:
    """The id is not signed: the same body under another id is known by the body."""
    if not given:
        raise NotProven(_("It had no signature. Is the secret set there?"))
    _same(prefix + hmac.new(secret.encode(), sent.body, sha256).hexdigest(), given)
    body = _mark("body", sha256(sent.body).hexdigest())
    ids = (_mark("id", delivery_id),) if delivery_id else ()
    return Proof(delivery_id[:ID_LIMIT], (body, *ids))


def _gitlab(secret: str, sent: Sent) -> Proof:
    """A signature where there is one; else the secret itself, all that older ones send."""
    if sent.header("webhook-signature"):
        return _standard(secret, sent)
    given = sent.header("x-gitlab-token")
    if not given:
        raise NotProven(_("It had neither a signature nor a token. Is the secret set there?"))
    _same(secret, given)
    found = sent.header("webhook-id", "idempotency-key", "x-gitlab-event-uuid")
    # Who could send it again has the secret anyway; without an id, the body has to do.
    mark = _mark("id", found) if found else _mark("body", sha256(sent.body).hexdigest())
    return Proof(found[:ID_LIMIT], (mark,))


def _plain(secret: str, sent: Sent) -> Proof:
    """Standard Webhooks, or Bitbucket, which has no kind of its own."""
    given = sent.header("x-hub-signature")
    if sent.header("webhook-signature") or not (given and sent.header("x-event-key")):
        return _standard(secret, sent)
    return _of_body(secret, sent, given, "sha256=", sent.header("x-request-uuid", "x-request-id"))


def _standard(secret: str, sent: Sent) -> Proof:
    """Standard Webhooks: id, time and body are signed together."""
    found, at = sent.header("webhook-id"), sent.header("webhook-timestamp")
    given = sent.header("webhook-signature").split()
    if not found or not at or not given:
        names = "webhook-id, webhook-timestamp, webhook-signature"
        raise NotProven(_("Its headers must be %(names)s.") % {"names": names})
    signed = f"{found}.{at}.".encode() + sent.body
    digest = base64.b64encode(hmac.new(key_of(secret), signed, sha256).digest()).decode()
    expected = f"v1,{digest}".encode()
    fits = [hmac.compare_digest(expected, one.encode()) for one in given[:10]]
    if not any(fits):
        raise NotProven(_wrong())
    # After the signature: what an unsigned time says is worth nothing.
    if not (at.isascii() and at.isdigit()) or len(at) > 12 or abs(sent.at - int(at)) > TOLERANCE:
        sentence = _("Its time is more than %(n)d minutes from ours. Is a clock wrong?")
        raise NotProven(sentence % {"n": TOLERANCE // 60})
    return Proof(found[:ID_LIMIT], (_mark("id", found),))


def _same(expected: str, given: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise NotProven(_wrong())


def _wrong() -> str:
    return _("Its signature does not fit: another secret, or something changed it on the way.")


def _mark(kind: str, text: str) -> str:
    return sha256(f"{kind}:{text}".encode()).hexdigest()


PROVERS: dict[str, Callable[[str, Sent], Proof]] = {
    "github": _github,
    "gitlab": _gitlab,
    "gitea": _gitea,
    "plain": _plain,
}
