"""Whether registries have something newer than what runs.

``names`` tells which images have a name to ask for, ``accounts`` as whom it is asked, ``wanted``
keeps a row for each, ``asking`` asks one registry politely, ``turn`` is what beat starts every few
minutes. Pages read the rows (`fleet.selectors.updates`) and never wait for a registry.
"""
