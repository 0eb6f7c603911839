"""What can go wrong between an engine and a registry, as sentences with what to do."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REGISTRY_SENTENCES: Final[dict[str, Promise]] = {
    "image_unknown": _(
        "The registry has no such image or tag. Check the name for typing errors, and the tag."
    ),
    "image_unknown_or_private": _(
        "The registry has no such image, or it is private. Check the name; if it is right, the"
        " registry wants a sign-in that may read it."
    ),
    "registry_login": _("The registry wants a user name and a password, and none are known here."),
    "registry_credentials": _("The registry did not accept the user name and password."),
    "registry_denied": _("The registry knows who asks and does not allow this."),
    "registry_unreachable": _(
        "The host could not reach the registry. Check the registry's address, and the host's way to"
        " it: name server, firewall, proxy."
    ),
    "registry_plain_http": _(
        "The registry speaks plain HTTP, and the engine wants TLS. Give the registry a certificate,"
        " or name it in “insecure-registries” of the host's engine."
    ),
    "registry_untrusted": _(
        "The host does not trust the registry's certificate. Put its CA into /etc/docker/certs.d"
        " on the host."
    ),
    "registry_rate_limit": _(
        "The registry allows no more pulls for now. Try again later, or sign in to have more."
    ),
    "registry_failed": _("The registry answered with an error of its own. Try again later."),
    "registry_stalled": _("Nothing has moved for five minutes: the pull was given up."),
    "reference_invalid": _(
        "This is no name of an image. It is written like nginx:1.27 or"
        " registry.example.com/team/app:2."
    ),
    "platform_missing": _("The image is not there for this platform."),
    "disk_full": _(
        "The host's disk is full. Remove images or containers that nobody needs, and try again."
    ),
    "layer_damaged": _("A layer came damaged from the registry. Try again."),
    "not_an_image": _("What stands under this name in the registry is no container image."),
}
