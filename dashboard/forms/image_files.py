"""Forms of images on their way: which names to copy, which file to load."""

from __future__ import annotations

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from dashboard.forms.host_choice import HostsForm
from fleet.models import Image


class CopyForm(HostsForm):
    """Which of an image's names go with it."""

    names = forms.MultipleChoiceField(
        label=_("Names"),
        help_text=_("It has these there, too. One that means another image there moves."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, sent: QueryDict | None = None, *, image: Image) -> None:
        super().__init__(sent, initial={"names": image.tags})
        field = self.fields["names"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - for the types alone
        field.choices = [(name, name) for name in image.tags]
        if not image.tags:
            del self.fields["names"]


class LoadForm(HostsForm):
    """A tar."""

    archive = forms.FileField(
        label=_("File"),
        help_text=_(
            "What docker save made, or an OCI archive: tar, or packed with gzip, bzip2, xz or zstd."
        ),
        error_messages={
            "required": _("Choose a file."),
            "empty": _("The file is empty. Choose the tar that docker save made."),
        },
        widget=forms.ClearableFileInput(attrs={"accept": ".tar,.gz,.tgz,.bz2,.xz,.zst"}),
    )
