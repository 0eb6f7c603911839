"""Base images that a builder could not fetch by itself: the engine pulls them before the build.

BuildKit of Engine 20.10 asks registries by itself, and knows neither the engine's insecure
registries nor, always, their CAs; what the engine has already it takes without asking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from fleet.access import registries_for
from fleet.builds.dockerfile import BUILD_PLATFORM, Base, base_images
from fleet.engine.build_types import BuildOptions
from fleet.engine.errors import Aborted, EngineError, NotFound
from fleet.engine.images import platforms_of
from fleet.engine.progress import Said
from fleet.engine.pulls import platform_fits
from fleet.models import Host
from fleet.operations.registry_auth import auth_for, target_of
from fleet.registries.reference import InvalidReference, parse_reference

if TYPE_CHECKING:
    from fleet.jobs.work import Work


def named_bases(dockerfile: str, args: Mapping[str, str]) -> list[Base]:
    """Return the images that a Dockerfile is built from, without what can be no image's name.

    The builder says of those what is wrong, with the line.
    """
    return [base for base in base_images(dockerfile, dict(args)) if _is_name(base.image)]


def _is_name(text: str) -> bool:
    try:
        parse_reference(text)
    except InvalidReference:
        return False
    return True


def pull_bases(work: Work, dockerfile: str, options: BuildOptions) -> BuildOptions:
    """Pull what stands in special registries; return the options for a build that finds it there.

    A builder that is to look for newer ones would ask all registries, so all are pulled then. One
    that is wanted for two platforms is left to the builder: a host has one of them under a name.
    So are all where one build is for several: engines that can do that know their registries.
    Raises Failed in words.
    """
    if len(options.platforms) > 1:
        return options
    wanted: dict[str, set[str]] = {}
    for base in named_bases(dockerfile, options.args):
        wanted.setdefault(base.image, set()).add(_platform(base, options))
    special = _in_special_registries(work.host, list(wanted))
    if not special:
        return options
    for image in wanted if options.pull else special:
        platforms = list(wanted[image])
        if len(platforms) == 1 and (options.pull or not _is_there(work, image, platforms[0])):
            _pull(work, image, platforms[0])
    return replace(options, pull=False)


def _platform(base: Base, options: BuildOptions) -> str:
    """Return for which platform a base is wanted; "": the host's own."""
    if base.platform == BUILD_PLATFORM:
        return ""
    plain = base.platform and "$" not in base.platform
    return base.platform if plain else options.platform


def _in_special_registries(host: Host, images: list[str]) -> list[str]:
    """Return the images of registries without TLS that counts, or with a CA of their own."""
    rows = [row for row in registries_for(host) if row.insecure or row.tls_ca]
    targets = [target_of(row) for row in rows]
    return [
        image for image in images if any(target.owns(parse_reference(image)) for target in targets)
    ]


def _is_there(work: Work, image: str, platform: str) -> bool:
    try:
        found = work.engine.image(image)
    except NotFound:
        return False
    return not platform or any(platform_fits(platform, one) for one in platforms_of(found))


def _pull(work: Work, image: str, platform: str) -> None:
    from fleet.jobs.work import Failed

    work.report.line(_("Pulling the base image %(name)s first …") % {"name": image})
    try:
        with work.report.awaiting():
            for news in work.engine.pull(image, platform or None, auth_for(work.host, image)):
                if isinstance(news, Said):
                    work.report.line(news.text, level="engine")
                else:  # layers are not told one by one: a build's progress is its steps
                    work.report.touch()
    except Aborted:
        raise
    except EngineError as error:
        said = _("The base image %(name)s could not be pulled. %(why)s")
        raise Failed(said % {"name": image, "why": error}, error.raw) from error
