"""Saved filters: what people look at again and again, under a name."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fleet.models.people import User

NAME_LIMIT = 60
QUERY_LIMIT = 4000


class SavedFilter(models.Model):
    """A filter of the containers' list. It is only a question: each reader's rights answer it."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_filters")
    name = models.CharField(_("Name"), max_length=NAME_LIMIT)
    # As `ContainerQuery.filter_text` spells it: equal texts find the same.
    query = models.CharField(max_length=QUERY_LIMIT)
    shared = models.BooleanField(_("Everybody on this Quayside may use it"), default=False)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint("owner", Lower("name"), name="saved_filter_once")]

    def __str__(self) -> str:
        return self.name
