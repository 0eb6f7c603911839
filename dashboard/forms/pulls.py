"""The form that asks for a pull: which image, where to."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from dashboard.forms.host_choice import HostsForm
from dashboard.forms.people import text_field

PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le")


class PullForm(HostsForm):
    """What to pull; the operation says what is wrong with it."""

    reference = text_field(
        _("Image"),
        help_text=_(
            "Such as nginx:1.27, or registry.example.com/team/app:2 from another registry than"
            " Docker Hub. Without a tag it is latest."
        ),
        autocomplete="off",
        autocapitalize="none",
        placeholder="nginx:1.27",
        autofocus="",
    )
    platform = text_field(
        _("Platform"),
        help_text=_("Such as linux/arm64. Empty: that of each host, which is nearly always right."),
        required=False,
        autocomplete="off",
        list="platforms",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        needed = _("Enter the name of an image, such as nginx:1.27.")
        self.fields["reference"].error_messages["required"] = needed

    def params(self) -> dict[str, Any]:
        """Return the operation's parameters."""
        return {name: self.data.get(name, "").strip() for name in ("reference", "platform")}
