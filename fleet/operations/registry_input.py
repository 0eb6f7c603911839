"""What a registry is made of, checked before anything is written or connected to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fleet.crypto import SecretLost
from fleet.engine.endpoint import SIZE_LIMIT, load_certificates
from fleet.models import Environment, Registry, RegistryKind
from fleet.operations.inputs import Reader
from fleet.registries.address import ADDRESS_LIMIT, read_address
from fleet.registries.errors import BadTarget

FIELDS = (
    "name", "kind", "url", "tls_ca", "insecure", "username", "password", "everywhere",
    "environments",
)  # fmt: skip
CONNECTION = ("kind", "url", "tls_ca", "insecure", "username", "password")
USERNAME_LIMIT = 255
PASSWORD_LIMIT = 16 * 1024  # tokens of clouds have some thousand letters
ENVIRONMENTS_LIMIT = 1000


@dataclass(frozen=True)
class RegistryInput:
    """A registry's checked fields; the account is in clear here, so its repr leaves it out."""

    name: str
    kind: str
    url: str
    insecure: bool
    everywhere: bool
    environments: tuple[Environment, ...]
    tls_ca: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def target_fields(self) -> dict[str, Any]:
        """Return what `fleet.registries.target.RegistryTarget` is made of."""
        return {name: getattr(self, name) for name in CONNECTION if name != "kind"}

    def write(self, registry: Registry) -> None:
        """Put the fields into a row, without saving it; its environments are the caller's."""
        for name in ("name", "everywhere", *CONNECTION):
            if name != "password" or self.password != known_password(registry):
                setattr(registry, name, getattr(self, name))

    def changes(self, registry: Registry) -> list[str]:
        """Return the names of the connection's fields that differ from a row's."""
        before = {name: getattr(registry, name) for name in CONNECTION if name != "password"}
        before["password"] = known_password(registry)
        return [name for name in CONNECTION if before[name] != getattr(self, name)]


def known_password(registry: Registry) -> str | None:
    """Return the stored password; None for one that no key of ours opens."""
    try:
        return registry.password
    except SecretLost:
        return None


def read_registry(
    data: Mapping[str, Any], current: Registry | None = None, *, named: bool = True
) -> RegistryInput:
    """Return the checked fields of a new registry, or of `current` with `data` laid over it.

    A field that `data` lacks keeps its value. An empty user name or password takes both away, and
    a stored password goes nowhere else unless it is given again. `named=False` is for tests of a
    connection, which need neither name nor environments. Raises Invalid.
    """
    reader = Reader(data, FIELDS)
    kind = _kind(reader, current)
    username, password = _account(reader, current)
    everywhere, environments = _serves(reader, current) if named else (False, ())
    found = RegistryInput(
        name=reader.name("name", current.name if current else "") if named else "",
        kind=kind,
        url=_url(reader, current, kind),
        insecure=reader.switch("insecure", current.insecure if current else False),
        everywhere=everywhere,
        environments=environments,
        tls_ca=_tls_ca(reader, current),
        username=username,
        password=password,
    )
    _check_safety(reader, found)
    if current is not None and not reader.problems:
        _check_own_password(reader, current, found)
    reader.finish()
    return found


def _kind(reader: Reader, current: Registry | None) -> str:
    kind = reader.text("kind", current.kind if current else "", limit=20)
    if kind not in RegistryKind.values and "kind" not in reader.problems:
        names = ", ".join(RegistryKind.values)
        reader.refuse("kind", _("Choose one of %(names)s.") % {"names": names})
    return kind


def _url(reader: Reader, current: Registry | None, kind: str) -> str:
    typed = reader.text("url", current.url if current else "", limit=ADDRESS_LIMIT)
    if "url" in reader.problems:
        return ""
    try:
        return read_address(typed, hub=kind == RegistryKind.HUB)
    except BadTarget as error:
        reader.refuse("url", error.message)
        return ""


def _tls_ca(reader: Reader, current: Registry | None) -> str:
    value = reader.text("tls_ca", current.tls_ca if current else "", limit=SIZE_LIMIT)
    value = value.replace("\r\n", "\n")
    if value and "tls_ca" not in reader.problems and (problem := _certificate_problem(value)):
        reader.refuse("tls_ca", problem)
    return f"{value.rstrip()}\n" if value else ""


def _certificate_problem(pem: str) -> str | Promise:
    if "PRIVATE KEY" in pem:
        return _("This is a private key. Put the certificate here.")
    try:
        load_certificates(pem)
    except ValueError:
        return _("This is not a certificate in PEM form (-----BEGIN CERTIFICATE-----).")
    return ""


def _account(reader: Reader, current: Registry | None) -> tuple[str, str]:
    """Return user name and password: both or none of them."""
    username = reader.text("username", current.username if current else "", limit=USERNAME_LIMIT)
    if username and (":" in username or not username.isprintable()):
        reader.refuse("username", _("A user name has no colon and only printable characters."))
    if reader.has("password"):
        password = _password(reader)
    else:
        password = "" if reader.has("username") and not username else _stored(reader, current)
    if reader.has("password") and not password and not reader.has("username"):
        username = ""
    if not set(reader.problems) & {"username", "password"}:
        if username and not password:
            reader.refuse("password", _("Give the password or token of this user."))
        elif password and not username:
            reader.refuse("username", _("Give the name of the user whose password this is."))
    return username, password


def _password(reader: Reader) -> str:
    """Return a password as it was sent, but for the end of its line."""
    value = reader.data["password"]
    if value is None:
        return ""
    if not isinstance(value, str):
        reader.refuse("password", _("This must be a text."))
    elif len(value) > PASSWORD_LIMIT:
        sentence = _("This is too long: at most %(limit)d characters.")
        reader.refuse("password", sentence % {"limit": PASSWORD_LIMIT})
    elif "\x00" in value:
        reader.refuse("password", _("This contains a character that is not allowed."))
    else:
        return value.rstrip("\r\n")
    return ""


def _stored(reader: Reader, current: Registry | None) -> str:
    try:
        return current.password if current else ""
    except SecretLost as error:
        reader.refuse("password", str(error))
        return ""


def _serves(reader: Reader, current: Registry | None) -> tuple[bool, tuple[Environment, ...]]:
    """Return whether it serves every environment, and if not, which.

    Who lists some means these; one that serves every environment keeps no list beside that.
    """
    listed = _environments(reader) if reader.has("environments") else None
    everywhere = reader.switch("everywhere", bool(current and current.everywhere and not listed))
    if everywhere and listed:
        sentence = _("It serves every environment: leave this empty, or switch that off.")
        reader.refuse("environments", sentence)
    if everywhere:
        return True, ()
    if listed is None:
        listed = tuple(current.environments.all()) if current and current.pk else ()
    return False, listed


def _environments(reader: Reader) -> tuple[Environment, ...]:
    value = reader.data["environments"] or []
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        reader.refuse("environments", _("This must be a list of names of environments."))
        return ()
    if len(value) > ENVIRONMENTS_LIMIT:
        reader.refuse("environments", _("These are too many environments."))
        return ()
    known = {row.name.lower(): row for row in Environment.objects.all()}
    wanted = {name.strip().lower() for name in value}
    if wanted - known.keys():
        reader.refuse("environments", _("There is no such environment. Add it first."))
    return tuple(known[name] for name in sorted(wanted & known.keys()))


def _check_safety(reader: Reader, found: RegistryInput) -> None:
    if found.url.startswith("http://") and not found.insecure:
        sentence = _(
            "Without TLS everyone on the way can read the password and change images. Use https://,"
            " or confirm that the connection is not secure."
        )
        reader.refuse("insecure", sentence)
    if found.kind == RegistryKind.HUB and found.insecure:
        reader.refuse("insecure", _("Docker Hub is always asked by TLS: switch this off."))


def _check_own_password(reader: Reader, current: Registry, found: RegistryInput) -> None:
    """Whoever lets a stored password go elsewhere, or by less safe a way, must have it."""
    less_safe = found.insecure or current.tls_ca != found.tls_ca
    moved = current.url != found.url or (less_safe and not current.insecure)
    if moved and found.password and not reader.has("password"):
        sentence = _("Give it again: the stored one was given for another address or certificate.")
        reader.refuse("password", sentence)
