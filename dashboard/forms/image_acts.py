"""Forms of what can be done with an image: its names are there to choose from."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from dashboard.forms.actions import LONG, ActionForm
from fleet.models import Image


class ImageActionForm(ActionForm):
    """As ActionForm; `reference` is a choice where it can only be a name that the image has."""

    def __init__(self, *args: Any, image: Image, **more: Any) -> None:
        super().__init__(*args, **more)
        slug = self.operation.slug
        if slug == "tag":
            self.fields["reference"] = _new_name()
        elif slug == "push":
            choices = [(name, name) for name in image.tags]
            help_text = _("The name says to which registry.")
            self.fields["reference"] = _choice(_("Name"), choices, help_text)
        elif slug == "remove":
            if len(image.tags) > 1:
                self.fields["reference"] = _choice(_("What to remove"), _removable(image.tags))
            else:
                del self.fields["reference"]
            self.fields["force"].label = _("Remove it although a container was made of it")
            self.fields["force"].help_text = _(
                "Only of one that does not run. Docker keeps such a container; Podman removes it,"
                " too."
            )


def _removable(names: list[str]) -> list[tuple[str, str]]:
    whole = _("the image, with its %(count)d names") % {"count": len(names)}
    one = _("only the name %(name)s")
    return [("", whole), *((name, one % {"name": name}) for name in names)]


def _choice(label: str, choices: list[tuple[str, str]], help_text: str = "") -> forms.Field:
    """Return a choice that takes anything: what is wrong is said by the operation."""
    widget = forms.Select(choices=choices)
    words: dict[str, Any] = {"label": label, "help_text": help_text, "required": False}
    return forms.CharField(**words, widget=widget, max_length=LONG)


def _new_name() -> forms.Field:
    off = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
    return forms.CharField(
        label=_("New name"),
        help_text=_("Such as registry.example.com/team/app:2. Without a tag it is latest."),
        error_messages={"required": _("Enter a name such as team/app:2.")},
        max_length=LONG,
        widget=forms.TextInput(attrs={**off, "class": "mono", "placeholder": "team/app:2"}),
    )
