"""The only package that talks to Docker: open a host, list, act, stream.

It knows nothing of our models. Callers hand it an ``Endpoint`` and get frozen dataclasses or an
``EngineError`` whose text can be shown to people.

- ``endpoint``  what a host's address and credentials are, and whether they make sense
- ``aio``       asyncio: lists, events, logs (watcher, log pages)
- ``client``    threads: the commands that jobs run
- ``probe``     "test connection": what is wrong, in words
- ``types``     what the engine said, parsed
- ``errors``    how things fail
- ``fake``      an engine without Docker, for tests, demos and scale
"""
