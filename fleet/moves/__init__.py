"""Images on their way as a tar: between hosts, out to a browser, in from one.

- ``tar``       a tar as it passes: what is in it, and leaving some of it out
- ``layers``    which layers a host has already, by their names in a tar
- ``store``     tars that were sent to us, until they are loaded
- ``downloads`` a tar on its way out, and how many at a time
"""
