#!/usr/bin/env python
"""Django's command line for Quayside."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.conf import settings
    from django.core.management import execute_from_command_line

    from config.logs import setup_logs

    setup_logs(settings.LOG_LEVEL)
    execute_from_command_line(sys.argv)
