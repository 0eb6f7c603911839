"""Terminals: a process in a container, and who looks at it.

- ``ask``       what somebody wants to run, checked
- ``process``   that on its engine: the shell is found, and nothing stays behind
- ``kept``      the end of its output, for who comes back
- ``view``      one browser's side, with what it has not shown yet
- ``session``   all of it together, from opening to the entry in the audit log
- ``hub``       all sessions of this process, and the way to those of others (``relay``)
- ``traces``    what is left when a web process is killed, and its end
- ``tickets``   the right to open one session, for who has no cookie
"""
