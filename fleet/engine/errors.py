"""How an engine can fail, as one small tree of exceptions with sentences for people.

``str(error)`` is what a page shows; ``error.code`` is what code compares; ``error.raw`` is what the
engine itself said and belongs in a "details" line only; ``error.permanent`` tells a job that trying
again cannot help.
"""

from __future__ import annotations

from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fleet.engine.registry_sentences import REGISTRY_SENTENCES

Text = str | Promise
RAW_LIMIT = 2000
# Engines, builders and steps say it in their own words; to be searched whatever the case.
DISK_FULL = r"no space left on device|disk quota exceeded"


class EngineError(Exception):
    """The engine, or the way to it, said no. Made with a code; the sentence follows from it."""

    default_code: ClassVar[str] = "engine_error"
    default_permanent: ClassVar[bool] = False

    def __init__(
        self,
        code: str = "",
        message: Text = "",
        *,
        raw: str = "",
        permanent: bool | None = None,
    ) -> None:
        self.code = code or self.default_code
        self.message: Text = message or SENTENCES.get(self.code, SENTENCES["engine_error"])
        self.raw = raw[:RAW_LIMIT]
        self.permanent = self.default_permanent if permanent is None else permanent
        super().__init__(self.code)

    def __str__(self) -> str:
        return str(self.message)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code!r})"


class Unreachable(EngineError):
    """Nobody answers: refused, timeout, name_not_found, no_route, disconnected, socket_missing."""

    default_code = "disconnected"


class Untrusted(EngineError):
    """Somebody answers, but not the one who was meant, or not in private."""

    default_code = "certificate_invalid"
    default_permanent = True


class Denied(EngineError):
    """The other side knows who we are and does not let us in."""

    default_code = "unauthorized"
    default_permanent = True


class NotFound(EngineError):
    """The engine has no such object."""

    default_code = "not_found"
    default_permanent = True


class Conflict(EngineError):
    """The object is in a state that forbids this, or the name is taken."""

    default_code = "conflict"
    default_permanent = True


class Invalid(EngineError):
    """The engine refused a value that we sent."""

    default_code = "invalid"
    default_permanent = True


class Unsupported(EngineError):
    """The engine cannot do this: api_too_old, not_docker, not_supported, no_docker …"""

    default_code = "not_supported"
    default_permanent = True


class Aborted(EngineError):
    """We hung up ourselves, because the caller asked for it."""

    default_code = "aborted"
    default_permanent = True


class BadEndpoint(EngineError):
    """An address or credential that cannot work; ``field`` names the form field."""

    default_code = "bad_endpoint"
    default_permanent = True

    def __init__(self, field: str, message: Text) -> None:
        super().__init__("bad_endpoint", message)
        self.field = field


SENTENCES: dict[str, Text] = {
    "engine_error": _("The engine answered with an error."),
    "bad_endpoint": _("The address or the credentials of the host cannot be used."),
    "aborted": _("The call was cancelled before the engine answered."),
    "refused": _("The connection was refused: nothing listens at this address and port."),
    "timeout": _("The host did not answer in time."),
    "name_not_found": _("The name of the host could not be found."),
    "no_route": _("There is no network route to the host."),
    "disconnected": _("The connection to the host was lost."),
    "socket_missing": _("There is no socket at this path."),
    "not_ssh": _("What answers at this address and port is not an SSH server."),
    "certificate_expired": _("The host's certificate has expired."),
    "certificate_not_yet_valid": _("The host's certificate is not valid yet."),
    "certificate_name": _("The host's certificate was made for another name or address."),
    "certificate_unknown_ca": _("The host's certificate was not signed by the given CA."),
    "certificate_invalid": _("The host's certificate could not be verified."),
    "client_certificate": _("The host did not accept our client certificate."),
    "client_certificate_missing": _("The host asks for a client certificate and none was given."),
    "plain_http": _("We spoke TLS, but the port answers in plain HTTP."),
    "tls_required": _("We spoke plain HTTP, but the port wants TLS."),
    "tls_too_old": _("The host offers only TLS versions that are no longer safe."),
    "host_key_changed": _("The SSH host key is not the one that was pinned for this host."),
    "ssh_key_refused": _("The SSH server refused the user or its key."),
    "ssh_no_key": _("There is no SSH key to sign in with: none was given and no agent offers one."),
    "permission": _("Permission to open the Docker socket was denied."),
    "unauthorized": _("The engine refused access."),
    "not_found": _("The engine has no such object."),
    "conflict": _("The engine cannot do this in the present state."),
    "invalid": _("The engine refused a value of the request."),
    "api_too_old": _("The engine's API is older than 1.41 (Docker Engine 20.10)."),
    "api_too_new": _("The engine accepts only API versions newer than those we speak."),
    "not_docker": _("What answers at this address is not a Docker API."),
    "no_docker": _("The docker command was not found on the host."),
    "docker_down": _("The host was reached, but its Docker daemon does not run."),
    "build_failed": _("A step of the build ended with an error."),
    "build_refused": _("The builder could not begin: its last words say why."),
    "dockerfile_missing": _("There is no such Dockerfile in the context. Check its path."),
    "dockerfile_outside": _("The Dockerfile leads out of the context. Put the file itself there."),
    "secrets_need_buildkit": _(
        "This host can build only in the classic way, which has no secrets: they would stay in the"
        " image. Choose a host with BuildKit, or build without secrets."
    ),
    "platforms_need_buildx": _(
        "Several platforms in one build need docker buildx on Quayside's worker. Build one"
        " platform at a time, or have buildx installed there."
    ),
    "platforms_need_store": _(
        "This host's engine keeps one platform in an image, so it cannot build several at once."
        " Engines that keep images in containerd can: the usual way from Docker Engine 29 on, and"
        " from 24 on if it is set. Choose such a host, or one platform."
    ),
    "command_too_old": _(
        "The docker command of Quayside's worker is too old for this host's engine, so BuildKit"
        " cannot be used, and secrets need it. Install docker buildx on the worker."
    ),
    "no_build_cache": _("This host's engine keeps no build cache of its own."),
    "not_supported": _("The engine does not support this."),
    **REGISTRY_SENTENCES,
}
