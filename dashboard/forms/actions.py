"""Forms of operations, made from their parameters: the shape only, operations have the rules."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic.fields import FieldInfo

from fleet.operations import Operation

Text = str | Promise
LONG = 1000  # letters that a line takes; the operations say the real limits in words

# Label and help of every parameter there is.
WORDS: dict[str, tuple[Text, Text]] = {
    "ref": (gettext_lazy("Branch, tag or commit"), ""),
    "timeout": (
        gettext_lazy("Seconds to stop by itself"),
        gettext_lazy("After that it is killed. 0 kills at once."),
    ),
    "signal": (
        gettext_lazy("Signal"),
        gettext_lazy("SIGKILL ends it at once; the others leave it to the process."),
    ),
    "name": (
        gettext_lazy("New name"),
        gettext_lazy("Letters, digits, underscores, dots and dashes."),
    ),
    "reference": (gettext_lazy("Image"), gettext_lazy("Such as nginx:1.27.")),
    "source_name": (gettext_lazy("From"), ""),
    "image": (gettext_lazy("Image"), ""),
    "names": (gettext_lazy("Names"), ""),
    "platform": (gettext_lazy("Platform"), gettext_lazy("Such as linux/arm64.")),
    "pull": (
        gettext_lazy("Pull the image first"),
        gettext_lazy("Without, it is made of the image that its host has by that name."),
    ),
    "force": (gettext_lazy("Kill it first if it runs"), ""),
    "run": (gettext_lazy("Run"), ""),
    "which": (gettext_lazy("Which images"), ""),
    "older_days": (gettext_lazy("Older than, in days"), ""),
    "keep_last": (gettext_lazy("Keep of each repository"), ""),
    "keep_labels": (gettext_lazy("Keep what has a label"), ""),
    "volumes": (
        gettext_lazy("Remove its anonymous volumes too"),
        gettext_lazy("What is in them is gone for good. Named volumes stay."),
    ),
}


def param_label(name: str) -> str:
    """Return what a parameter is called on pages."""
    return str(WORDS.get(name, (name, ""))[0])


class ActionForm(forms.Form):
    """The parameters of an operation; `typed` must be what `wanted` says, if it says anything."""

    def __init__(
        self, *args: Any, operation: Operation, wanted: str = "", label: str = "", **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.operation, self.wanted = operation, wanted
        for name, info in operation.params.model_fields.items():
            self.fields[name] = _field(name, info)
        if wanted:
            self.fields["typed"] = forms.CharField(
                label=label,
                max_length=LONG,
                widget=_typed(wanted),
                error_messages={"required": _wrong(wanted)},
            )

    def params(self) -> dict[str, Any]:
        """Return what was sent as the operation's parameters; what was left out is default.

        But for boxes of the form: browsers leave out those that are not ticked.
        """
        fields = self.operation.params.model_fields
        off: dict[str, Any] = {name: False for name in fields if self._unticked(name)}
        return off | {
            name: self.data.get(name, "")
            for name, info in fields.items()
            if name in self.data and (self.data.get(name) != "" or info.is_required())
        }

    def _unticked(self, name: str) -> bool:
        info = self.operation.params.model_fields[name]
        box = info.annotation is bool and info.default is True
        return box and name not in self.data and "confirmed" in self.data

    def clean(self) -> dict[str, Any]:
        """Compare what was typed."""
        typed = str(self.cleaned_data.get("typed", "")).strip()
        if typed and typed != self.wanted:
            self.add_error("typed", _wrong(self.wanted))
        return self.cleaned_data


def _wrong(wanted: str) -> str:
    return _("Type %(wanted)s exactly as it stands here. Nothing was done.") % {"wanted": wanted}


def _typed(wanted: str) -> forms.TextInput:
    off = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
    return forms.TextInput(attrs={**off, "class": "mono", "data-type-to-confirm": wanted})


def _field(name: str, info: FieldInfo) -> forms.Field:
    """Return a field that takes anything: what is wrong is said by the operation."""
    label, help_text = WORDS.get(name, (name, ""))
    words: dict[str, Any] = {"label": label, "help_text": help_text, "required": False}
    if info.annotation is bool:
        return forms.BooleanField(**words, initial=info.default)
    initial = None if info.is_required() else info.default
    if get_origin(info.annotation) is Literal:
        choices = [(value, value) for value in get_args(info.annotation)]
        select = forms.Select(choices=choices)
        return forms.CharField(**words, initial=initial, widget=select, max_length=LONG)
    number = forms.NumberInput(attrs={"inputmode": "numeric"})
    widget = number if info.annotation is int else forms.TextInput(attrs={"spellcheck": "false"})
    return forms.CharField(**words, initial=initial, widget=widget, max_length=LONG)
