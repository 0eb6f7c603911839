"""An open-ended answer of an engine (events, logs) that always lets go of its connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from fleet.engine.errors import EngineError


class Answer(Protocol):
    """An answer whose body has not come yet."""

    def close(self) -> None:
        """Hang up."""


A = TypeVar("A", bound=Answer)
T = TypeVar("T")


class Stream(Generic[T]):
    """``async for`` over what the engine sends, one pass.

    Leave it as ``async with engine.events() as stream`` (inside, the engine has already answered),
    or just ``async for item in engine.events()``: on the end, an error, ``break`` and
    cancellation the connection is closed, never given back half read.
    """

    def __init__(
        self,
        opener: Callable[[], Awaitable[A]],
        reader: Callable[[A], AsyncIterator[T]],
        explain: Callable[[BaseException], EngineError],
    ) -> None:
        self._opener: Callable[[], Awaitable[Answer]] = opener
        self._reader: Callable[[Any], AsyncIterator[T]] = reader
        self._explain = explain
        self._response: Answer | None = None
        self._items: AsyncGenerator[T] | None = None

    async def open(self) -> None:
        """Send the request and wait for the answer's head. Raises ``EngineError``."""
        if self._response is None:
            self._response = await self._opener()

    async def aclose(self) -> None:
        """Close the connection; harmless when it is closed."""
        if self._items is not None:
            await self._items.aclose()
        if self._response is not None:
            self._response.close()

    async def __aenter__(self) -> Stream[T]:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[T]:
        if self._response is not None and self._items is None:
            # Kept, so that aclose() can end it. Without "async with" only the loop holds it, and
            # a break drops and thereby closes it.
            self._items = self._read()
            return self._items
        return self._read()

    async def _read(self) -> AsyncGenerator[T]:
        await self.open()
        assert self._response is not None  # noqa: S101
        try:
            async for item in self._reader(self._response):
                yield item
        except EngineError:
            raise
        except Exception as error:
            raise self._explain(error) from error
        finally:
            self._response.close()
