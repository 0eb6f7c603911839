"""Set-up, checks and tests. Everything here that runs before `.venv` exists uses no packages."""
