"""What every process does first: load Django and refuse to go on with wrong settings."""

from __future__ import annotations

import os
import resource
import sys

FILES = 65_536  # each stream of an engine and each open page is a file of its process


def raise_files_limit() -> None:
    """Take as many open files as we are allowed: systems start processes with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def start() -> None:
    """Set Django up; print every wrong setting in words and exit with 2 if there is one.

    A name that no setting has is only told.
    """
    raise_files_limit()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.conf import settings
    from django.core.checks import run_checks

    from config.env import unknown_names
    from config.logs import setup_logs

    django.setup()
    setup_logs(settings.LOG_LEVEL)
    if "SUPERVISOR_ENABLED" not in os.environ:  # `make run` has told already
        sys.stderr.writelines(f"{sentence}\n" for sentence in unknown_names())
    problems = [found for found in run_checks() if found.is_serious()]
    for problem in problems:
        sys.stderr.write(f"{problem.id}: {problem.msg}\n")
    if problems:
        sys.stderr.write("Quayside did not start: correct the settings above.\n")
        raise SystemExit(2)
