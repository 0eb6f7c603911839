"""Images on their way: saved as a file, loaded from one, copied from host to host."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.forms.image_files import CopyForm, LoadForm
from dashboard.forms.people import attempt
from dashboard.forms.pulls import chosen_ids, groups_of
from dashboard.requests import actor_of
from dashboard.views.actions import asked_for
from fleet.access import Refused, access_image, visible_hosts
from fleet.actor import Actor
from fleet.models import Host, Image
from fleet.moves.downloads import NotSaved, open_download
from fleet.moves.store import Kept, TarRefused, keep, keep_file, release
from fleet.operations.errors import Invalid
from fleet.operations.image_copy import COPY, copy_params
from fleet.operations.image_files import load_params
from fleet.operations.many_hosts import AskedHosts, HostsPreview, ask_on_hosts, preview_on_hosts
from fleet.selectors.image_copy import copy_notes

LOAD = "image.load"


# --- Save ----------------------------------------------------------------------------------


@require_GET
def image_tar(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Give an image as `docker save` does: `?gz` compressed."""
    try:
        return tar_response(actor_of(request), pk, packed="gz" in request.GET)
    except NotSaved as error:
        status = 429 if error.busy else 503
        return HttpResponse(f"{error}\n", status=status, content_type="text/plain; charset=utf-8")


def tar_response(actor: Actor, pk: int, *, packed: bool) -> StreamingHttpResponse:
    """Return an image as a file. Raises NotSaved, Unknown or Refused."""
    download = open_download(actor, pk, packed=packed)
    kind = "application/gzip" if packed else "application/x-tar"
    response = StreamingHttpResponse(download, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{download.name}"'
    response["Cache-Control"] = "private, no-store"
    # Whoever sits in between must neither pack it again nor keep it all.
    response["Content-Encoding"] = "identity"
    response["X-Accel-Buffering"] = "no"
    return response


# --- Copy ----------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def image_copy(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for an image on other hosts; what is not plain is shown before."""
    actor = actor_of(request)
    image = access_image(actor, pk, COPY)
    hosts = [host for host in hosts_for(actor, COPY) if host.pk != image.host_id]
    if request.method == "GET":
        return _show_copy(request, CopyForm(image=image), image, hosts, set())
    form, chosen = CopyForm(request.POST, image=image), chosen_ids(request.POST, hosts)
    rows = visible_hosts(actor).filter(pk__in=chosen)
    names = request.POST.getlist("names")
    plan = _copy_plan(form, actor, rows, copy_params(image, names)) if form.is_valid() else None
    if plan is None:
        return _show_copy(request, form, image, hosts, chosen)
    notes = copy_notes(actor, image, plan.params["names"], plan.affected)
    telling = plan.skipped or plan.unreachable or notes.there or notes.moved
    if plan.affected and telling and not request.POST.get("confirmed"):
        return _show_copy(request, form, image, hosts, chosen, plan=plan, notes=notes)
    asked = _asked(form, actor, COPY, rows, plan.params)
    if asked is None:
        return _show_copy(request, form, image, hosts, chosen)
    return asked_for(request, asked.job, follow=True)


def _copy_plan(
    form: CopyForm, actor: Actor, rows: QuerySet[Host], params: dict[str, Any]
) -> HostsPreview | None:
    return attempt(form, lambda: preview_on_hosts(COPY, actor=actor, hosts=rows, params=params))


def _show_copy(
    request: HttpRequest,
    form: CopyForm,
    image: Image,
    hosts: list[Host],
    chosen: set[int],
    **more: Any,
) -> HttpResponse:
    context = {
        "image": image,
        "title": _("Copy %(image)s") % {"image": str(image)},
        "none_words": _("There is no other host to which you may copy images."),
        **more,
    }
    return _show(request, "images/copy.html", form, hosts, chosen, context)


# --- Load ----------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def image_load(request: HttpRequest) -> HttpResponse:
    """Take a file and ask for its images on hosts; the page's script sends it to the API."""
    actor = actor_of(request)
    hosts = hosts_for(actor, LOAD)
    if request.method == "GET":
        return _show_load(request, LoadForm(), hosts, chosen_ids(request.GET, hosts))
    form, chosen = LoadForm(request.POST, request.FILES), chosen_ids(request.POST, hosts)
    rows = visible_hosts(actor).filter(pk__in=chosen)
    asked = _loaded(form, actor, rows) if form.is_valid() else None
    if asked is None:
        return _show_load(request, form, hosts, chosen)
    return asked_for(request, asked.job, follow=True)


def _loaded(form: LoadForm, actor: Actor, rows: QuerySet[Host]) -> AskedHosts | None:
    if not rows:
        form.add_error("hosts", _("Choose at least one host."))
        return None
    file: UploadedFile[Any] = form.cleaned_data["archive"]
    kept = attempt(form, lambda: _kept(file))
    if kept is None:
        return None
    try:
        return _asked(form, actor, LOAD, rows, load_params(kept, str(file.name or "")))
    finally:
        release(kept.archive)  # what no job is going to load


def _kept(file: UploadedFile[Any]) -> Kept:
    try:
        if isinstance(file, TemporaryUploadedFile):
            return keep_file(file.temporary_file_path(), file.chunks)
        return keep(file.chunks())
    except TarRefused as refused:
        raise Invalid({"archive": [str(refused)]}) from None


def _show_load(
    request: HttpRequest, form: LoadForm, hosts: list[Host], chosen: set[int]
) -> HttpResponse:
    none = _("There is no host yet onto which you may load images.")
    context = {"title": _("Load images from a file"), "none_words": none}
    return _show(request, "images/load.html", form, hosts, chosen, context)


# --- Both ----------------------------------------------------------------------------------


def hosts_for(actor: Actor, permission: str) -> list[Host]:
    """Return the hosts on which the actor may do it. Raises Refused when there is none."""
    reach = actor.access.reach(permission)
    if not reach:
        raise Refused(permission)
    rows = visible_hosts(actor).filter(reach.q())
    return list(rows.order_by("environment__name", "name"))


def _asked(
    form: CopyForm | LoadForm, actor: Actor, name: str, rows: QuerySet[Host], params: dict[str, Any]
) -> AskedHosts | None:
    return attempt(form, lambda: ask_on_hosts(name, actor=actor, hosts=rows, params=params))


def _show(
    request: HttpRequest,
    template: str,
    form: CopyForm | LoadForm,
    hosts: list[Host],
    chosen: set[int],
    context: dict[str, Any],
) -> HttpResponse:
    """Show a form; with errors it is a 400."""
    shown = {
        "form": form,
        "groups": groups_of(hosts, chosen),
        "any_hosts": bool(hosts),
        "count": len(chosen),
        **context,
    }
    return render(request, template, shown, status=400 if form.errors else 200)
