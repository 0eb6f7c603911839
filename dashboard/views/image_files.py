"""Images on their way: saved as a file, loaded from one, copied from host to host."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.downloads import tar_response
from dashboard.forms.host_choice import HostChoice, HostsForm
from dashboard.forms.image_files import CopyForm, LoadForm
from dashboard.forms.people import attempt
from dashboard.requests import actor_of
from dashboard.views.actions import asked_for
from fleet.access import access_image
from fleet.models import Image
from fleet.moves.downloads import NotSaved
from fleet.moves.store import LOAD, Kept, TarRefused, keep, keep_file, release
from fleet.operations.errors import Invalid
from fleet.operations.image_copy import COPY, copy_params
from fleet.operations.image_files import load_params
from fleet.operations.many_hosts import AskedHosts, HostsPreview, preview_on_hosts
from fleet.selectors.image_copy import copy_notes
from fleet.selectors.image_save import savings_of

# --- Save ----------------------------------------------------------------------------------


@require_GET
def image_tar(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Give an image as `docker save` does: `?gz` compressed."""
    return _tar(request, [pk])


@require_GET
def images_tar(request: HttpRequest) -> HttpResponseBase:
    """Give the images that `image` names, all of one host, in one file."""
    return _tar(request, _chosen(request))


@require_GET
def image_save(request: HttpRequest) -> HttpResponse:
    """Show from which hosts the chosen images can be saved in one file."""
    found = savings_of(actor_of(request), _chosen(request))
    context = {"found": found, "title": _("Save images")}
    return render(request, "images/save.html", context, status=422 if found.problem else 200)


def _tar(request: HttpRequest, pks: list[int]) -> HttpResponseBase:
    try:
        return tar_response(request, actor_of(request), pks, packed="gz" in request.GET)
    except NotSaved as error:
        kind = "text/plain; charset=utf-8"
        return HttpResponse(f"{error}\n", status=error.status, content_type=kind)


def _chosen(request: HttpRequest) -> list[int]:
    """Return the ids that are sent; what is no number is no image."""
    sent = dict.fromkeys(request.GET.getlist("image"))
    return [int(one) for one in sent if one.isascii() and one.isdigit() and len(one) < 19]


# --- Copy ----------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def image_copy(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for an image on other hosts; what is not plain is shown before."""
    actor = actor_of(request)
    image = access_image(actor, pk, COPY)
    choice = HostChoice(request, COPY, but=image.host_id)
    if request.method == "GET":
        return _show_copy(request, CopyForm(image=image), image, choice)
    form = CopyForm(request.POST, image=image)
    plan = _copy_plan(form, image, choice)
    if plan is None:
        return _show_copy(request, form, image, choice)
    notes = copy_notes(actor, image, plan.params["names"], plan.affected)
    telling = plan.skipped or plan.unreachable or notes.there or notes.moved
    if plan.affected and telling and not request.POST.get("confirmed"):
        return _show_copy(request, form, image, choice, plan=plan, notes=notes)
    asked = choice.ask(form, plan.params)
    if asked is None:
        return _show_copy(request, form, image, choice)
    return asked_for(request, asked.job, follow=True)


def _copy_plan(form: CopyForm, image: Image, choice: HostChoice) -> HostsPreview | None:
    if not form.is_valid():
        return None
    params = copy_params(image, form.cleaned_data.get("names", []))
    return attempt(
        form,
        lambda: preview_on_hosts(COPY, actor=choice.actor, hosts=choice.rows, params=params),
    )


def _show_copy(
    request: HttpRequest, form: CopyForm, image: Image, choice: HostChoice, **more: Any
) -> HttpResponse:
    context = {
        "image": image,
        "title": _("Copy %(image)s") % {"image": str(image)},
        "none_words": _("There is no other host to which you may copy images."),
        **more,
    }
    return _show(request, "images/copy.html", form, choice, context)


# --- Load ----------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def image_load(request: HttpRequest) -> HttpResponse:
    """Take a file and ask for its images on hosts; the page's script sends it to the API."""
    choice = HostChoice(request, LOAD)
    if request.method == "GET":
        return _show_load(request, LoadForm(), choice)
    form = LoadForm(request.POST, request.FILES)
    asked = _loaded(form, choice) if form.is_valid() else None
    if asked is None:
        return _show_load(request, form, choice)
    return asked_for(request, asked.job, follow=True)


def _loaded(form: LoadForm, choice: HostChoice) -> AskedHosts | None:
    if not choice.ids:
        form.add_error("hosts", _("Choose at least one host."))
        return None
    file: UploadedFile[Any] = form.cleaned_data["archive"]
    kept = attempt(form, lambda: _kept(file))
    if kept is None:
        return None
    try:
        return choice.ask(form, load_params(kept, str(file.name or "")))
    finally:
        release(kept.archive)  # what no job is going to load


def _kept(file: UploadedFile[Any]) -> Kept:
    try:
        if isinstance(file, TemporaryUploadedFile):
            return keep_file(file.temporary_file_path(), file.chunks)
        return keep(file.chunks())
    except TarRefused as refused:
        raise Invalid({"archive": [str(refused)]}) from None


def _show_load(request: HttpRequest, form: LoadForm, choice: HostChoice) -> HttpResponse:
    none = _("There is no host yet onto which you may load images.")
    context = {"title": _("Load images from a file"), "none_words": none}
    return _show(request, "images/load.html", form, choice, context)


def _show(
    request: HttpRequest, template: str, form: HostsForm, choice: HostChoice, more: dict[str, Any]
) -> HttpResponse:
    """Show a form; with errors it is a 400."""
    context = {**choice.context(), "form": form, **more}
    return render(request, template, context, status=400 if form.errors else 200)
