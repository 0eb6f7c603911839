"""The Celery application: nothing but wiring; its settings are the CELERY_ ones."""

from __future__ import annotations

import os
import warnings
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# True, and told by the docs; only JSON is accepted, so root is no more at risk than any user.
warnings.filterwarnings("ignore", message="You're running the worker with superuser")

app = Celery("quayside")
app.set_default()  # threads of the web process send tasks too
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["fleet.jobs"])


@setup_logging.connect
def _logs(**_kwargs: Any) -> None:
    from django.conf import settings

    from config.logs import setup_logs

    setup_logs(settings.LOG_LEVEL)
