"""Every change to builds: add, change, give an archive, forget a key, remove."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet import audit
from fleet.access import Refused, access_build, access_host
from fleet.actor import Actor
from fleet.builds import store
from fleet.builds.errors import ContextRefused
from fleet.builds.git_url import parse_git_url
from fleet.models import Build, BuildSource, Host
from fleet.operations.build_input import CREDENTIALS, BuildInput, read_build
from fleet.operations.build_run import open_runs
from fleet.operations.errors import Invalid
from fleet.operations.registry import Operation, register
from fleet.operations.release_input import Release, check_release, read_release, split
from fleet.operations.triggers import check_triggered
from fleet.publish import BuildsChanged, publish_on_commit

OF_GIT = ("git_token", "git_ssh_key")
UNTOLD = {*CREDENTIALS, "dockerfile_text", "files", "git_ca"}  # told as changed, not as what


def build_create(*, actor: Actor, data: Mapping[str, Any]) -> Build:
    """Add a build from `build_input.FIELDS`. Raises Unknown, Refused or Invalid."""
    host = _host_for(actor, data)
    found, release = _read(actor, data, host)
    with transaction.atomic():
        _check_name_is_free(found.name)
        build = Build(host=host, created_by=actor.user, created_by_name=actor.name)
        found.write(build)
        release.write(build)
        _save(build, force_insert=True)
        release.write_places(build)
        audit.record(actor, "build.create", build, detail=_facts(build))
        publish_on_commit(BuildsChanged([build.pk]))
    return build


def build_update(*, actor: Actor, build_id: int, data: Mapping[str, Any]) -> Build:
    """Change what `data` names of a build; an empty credential takes the stored one away.

    Raises Unknown, Refused or Invalid.
    """
    access_build(actor, build_id, "build.update")
    with transaction.atomic():
        build = _locked(build_id)
        check_triggered(actor, build)
        before = _facts(build)
        if data.get("host") not in (None, build.host_id):
            build.host = _host_for(actor, data)
            check_triggered(actor, build)
        found, release = _read(actor, data, build.host, build)
        _check_credentials(build, found, data)
        _check_name_is_free(found.name, build)
        release.write(build)
        release.write_places(build)
        changes = _apply(build, found, before)
        _save(build)
        audit.record(actor, "build.update", build, detail={"changes": changes})
        publish_on_commit(BuildsChanged([build.pk]))
    return build


def build_archive(*, actor: Actor, build_id: int, name: str, pieces: Iterable[bytes]) -> Build:
    """Keep an uploaded archive as a build's files, in the place of the one before.

    Raises Unknown, Refused or Invalid.
    """
    build = access_build(actor, build_id, "build.update")
    if build.source != BuildSource.ARCHIVE:
        raise Invalid({"archive": [_("This build does not take its files from an archive.")]})
    check_release(actor, build, "archive")
    check_triggered(actor, build)
    try:
        archive, size = store.keep(pieces)
    except ContextRefused as refused:
        raise Invalid({"archive": [str(refused)]}) from None
    shown = "".join(letter for letter in name if letter.isprintable())[-200:]
    with transaction.atomic():
        build = _locked(build_id)
        old = build.archive
        build.archive, build.archive_name, build.archive_size = archive, shown, size
        build.archive_at = timezone.now()
        _touch(build)
        build.save()
        detail = {"archive": {"name": shown, "size": size}}
        audit.record(actor, "build.update", build, detail=detail)
        transaction.on_commit(lambda: store.forget(old))
        publish_on_commit(BuildsChanged([build.pk]))
    return build


def build_forget_key(*, actor: Actor, build_id: int) -> Build:
    """Forget the pinned key of its Git host: the next run pins the one that it meets.

    Raises Unknown or Refused.
    """
    access_build(actor, build_id, "build.update")
    with transaction.atomic():
        build = _locked(build_id)
        build.git_host_key = ""
        _touch(build)
        build.save(update_fields=["git_host_key", "revision", "changed_at"])
        audit.record(actor, "build.forget_key", build)
        publish_on_commit(BuildsChanged([build.pk]))
    return build


def build_remove(*, actor: Actor, build_id: int) -> None:
    """Remove a build with its runs and its archive; images stay, and so do jobs.

    Raises Unknown, Refused, or Invalid while it runs.
    """
    access_build(actor, build_id, "build.remove")
    with transaction.atomic():
        build = _locked(build_id)
        if open_runs(build).exists():
            raise Invalid({"": [_("A run of it has not ended yet. Cancel it first.")]})
        archive = build.archive
        detail = {**_facts(build), "runs": build.runs.count()}
        audit.record(actor, "build.remove", build, detail=detail)
        build.delete()
        transaction.on_commit(lambda: store.forget(archive))
        publish_on_commit(BuildsChanged([build_id]))


def _host_for(actor: Actor, data: Mapping[str, Any]) -> Host:
    """Return the host to build on, by its id."""
    if not actor.access.reach("build.create"):
        raise Refused("build.create")
    given = data.get("host")
    if isinstance(given, bool) or not isinstance(given, int):
        raise Invalid({"host": [_("Choose the host on which it is built.")]})
    return access_host(actor, given, "build.create")


def _read(
    actor: Actor, data: Mapping[str, Any], host: Host, build: Build | None = None
) -> tuple[BuildInput, Release]:
    """Return what was sent, checked: the build itself, and what comes after it."""
    own, after = split(data)
    found = read_build(own, build)
    _check_network(actor, host, found)
    return found, read_release(actor, after, host=host, tags=found.tags, current=build)


def _check_network(actor: Actor, host: Host, found: BuildInput) -> None:
    """In the host's own network a step reaches what listens for this machine alone."""
    if found.network == "host" and not actor.access.may("host.update", host):
        sentence = _("Only who may change the host may build in its own network.")
        raise Invalid({"network": [sentence]})


def _check_credentials(build: Build, found: BuildInput, data: Mapping[str, Any]) -> None:
    """A stored one may open other places too: who sends it elsewhere must have it."""
    before = read_site(build)
    if found.site != before:
        kept = [name for name in OF_GIT if getattr(found, name) and name not in data]
        if kept and found.site is not None:
            sentence = _("Give it again: the stored one was given for another address.")
            raise Invalid({name: [sentence] for name in kept})


def read_site(build: Build) -> tuple[str, str, int] | None:
    """Return the Git host that a build's credentials were given for."""
    return parse_git_url(build.git_url).site if build.git_url else None


def _check_name_is_free(name: str, build: Build | None = None) -> None:
    same = Build.objects.filter(name__iexact=name)
    if (same.exclude(pk=build.pk) if build and build.pk else same).exists():
        raise Invalid({"name": [_("There is a build of this name already. Choose another.")]})


def _save(build: Build, **how: Any) -> None:
    try:
        with transaction.atomic():
            build.save(**how)
    except IntegrityError:  # somebody took the name since we looked
        _check_name_is_free(build.name, build)
        raise


def _locked(build_id: int) -> Build:
    rows = Build.objects.select_for_update(of=("self",)).select_related("host__environment")
    return rows.get(pk=build_id)


def _touch(build: Build) -> None:
    build.revision += 1
    build.changed_at = timezone.now()


def _apply(build: Build, found: BuildInput, before: dict[str, Any]) -> dict[str, Any]:
    """Write the checked fields into the row; return what changed, without secrets."""
    moved = found.site != read_site(build)
    hidden = {name: getattr(build, name) for name in UNTOLD}
    found.write(build)
    if moved:
        build.git_host_key = ""
    _touch(build)
    after = _facts(build)
    changes = {key: [before[key], after[key]] for key in after if before[key] != after[key]}
    replaced = [name for name, was in hidden.items() if was != getattr(found, name)]
    return changes | dict.fromkeys(sorted(replaced), "replaced")


def _facts(build: Build) -> dict[str, Any]:
    """What the audit log may keep of a build."""
    names = (
        "name", "source", "git_url", "git_ref", "git_folder", "git_submodules", "git_username",
        "dockerfile", "target", "platform", "no_cache", "pull", "network", "memory", "tags",
        "secret_names", "push", "deploy",
    )  # fmt: skip
    told = {name: getattr(build, name) for name in names}
    keys = {"args": sorted(build.args), "labels": sorted(build.labels)}
    places = {
        name: sorted(getattr(build, name).values_list("name", flat=True))
        for name in ("deploy_hosts", "deploy_environments")
    }
    return {**told, **keys, **places, "host": build.host.name}


def _operation(slug: str, icon: str, *words: Any, **more: Any) -> Operation:
    verb, doing, done, sentence = words
    return register(
        Operation(
            name=f"build.{slug}", target="build", icon=icon, verb=verb, doing=doing, done=done,
            sentence=sentence, **more,
        )
    )  # fmt: skip


CREATE = _operation(
    "create", "plus",
    gettext_lazy("Add build"), gettext_lazy("Adding %(target)s"), gettext_lazy("Added %(target)s"),
    gettext_lazy("Adds a definition of how an image is made; nothing is built yet."),
)  # fmt: skip
UPDATE = _operation(
    "update", "pencil",
    gettext_lazy("Save"), gettext_lazy("Changing %(target)s"), gettext_lazy("Changed %(target)s"),
    gettext_lazy("Changes a build's source, options, secrets and tags."),
)  # fmt: skip
FORGET_KEY = _operation(
    "forget_key", "key",
    gettext_lazy("Forget host key"), gettext_lazy("Forgetting the key of %(target)s"),
    gettext_lazy("Forgot the key of %(target)s"),
    gettext_lazy("Forgets the pinned key of the Git host: the next run pins the one it meets."),
    destructive=True, needs="build.update",
)  # fmt: skip
GO_ON = _operation(
    "go_on", "player-track-next",
    gettext_lazy("Go on"), gettext_lazy("Going on with %(target)s"),
    gettext_lazy("Went on with %(target)s"),
    gettext_lazy("Tries the stage after a build again that did not succeed, without a new build."),
    needs="build.run",
)  # fmt: skip
REMOVE = _operation(
    "remove", "trash",
    gettext_lazy("Remove"), gettext_lazy("Removing %(target)s"), gettext_lazy("Removed %(target)s"),
    gettext_lazy("Removes a build with its history; images that it made stay."), destructive=True,
)  # fmt: skip
