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
    "registry_expired": _(
        "The password of the registry's account has run out: those of Amazon's ECR last twelve"
        " hours. Enter a new one under Registries."
    ),
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
    "registry_stalled": _(
        "Nothing has moved for five minutes: it was given up. Try again; if it stops again, look at"
        " the registry, and at the network between it and the host."
    ),
    "push_login": _(
        "The registry does not take this from somebody it does not know: no account for it is"
        " known here that serves this host. An administrator adds one under Registries."
    ),
    "push_denied": _(
        "The registry knows the account, which may not write there. Check the repository's name,"
        " and what the account may do."
    ),
    "push_broke_off": _(
        "The connection to the registry broke off in the middle. It has not got the tag; what came"
        " of the layers it may keep. Try again."
    ),
    "image_gone": _("The host has no such image any more."),
    "image_moved": _("It means another image by now."),
    "image_runs": _(
        "A container that runs was made of this image: force does not help. Stop or remove the"
        " container first."
    ),
    "image_in_use": _(
        "A container that does not run was made of this image. Remove the container first, or"
        " remove the image with force."
    ),
    "image_has_children": _(
        "Other images of the host are built upon this one. Remove those first."
    ),
    "image_names": _("The image has several names: take them away first, or use force."),
    "reference_invalid": _(
        "This is no name of an image. It is written like nginx:1.27 or"
        " registry.example.com/team/app:2."
    ),
    "platform_missing": _("The image is not there for this platform."),
    "disk_full": _(
        "The host's disk is full. Remove images or containers that nobody needs, and try again."
    ),
    "tar_no_images": _(
        "There are no images in this file that the host could load. Make it with docker save, or as"
        " an OCI archive."
    ),
    "tar_damaged": _("The tar with the image is damaged, or it ended too early. Nothing was kept."),
    "layer_damaged": _("A layer came damaged from the registry. Try again."),
    "not_an_image": _("What stands under this name in the registry is no container image."),
}
