"""A filter on labels that takes any key: dots, quotes, digits, underscores."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, F, Func, TextField, Value


class HasLabel(Func):
    """Whether the JSON object `labels` holds a key, or a key with that value.

    Django's own JSON lookups take keys as paths: "1" would be a list index, and SQLite refuses
    a quote in a path.
    """

    output_field = BooleanField()

    def __init__(self, key: str, value: str | None = None) -> None:
        texts = [key] if value is None else [key, value]
        super().__init__(F("labels"), *[Value(text, output_field=TextField()) for text in texts])

    def _parts(self, compiler: Any) -> tuple[str, list[Any], list[Any]]:
        labels, *texts = self.get_source_expressions()
        sql, params = compiler.compile(labels)
        return sql, list(params), [text.value for text in texts]

    def as_sqlite(self, compiler: Any, connection: Any, **_extra: Any) -> Any:
        """SQL for SQLite."""
        labels, params, texts = self._parts(compiler)
        test = "label.key = %s" + (" AND label.value = %s" if len(texts) == 2 else "")
        sql = f"EXISTS (SELECT 1 FROM json_each({labels}) AS label WHERE {test})"  # noqa: S608
        return sql, params + texts

    def as_postgresql(self, compiler: Any, connection: Any, **_extra: Any) -> Any:
        """SQL for PostgreSQL."""
        labels, params, texts = self._parts(compiler)
        test = "= %s::text" if len(texts) == 2 else "IS NOT NULL"
        return f"({labels} ->> %s::text) {test}", params + texts
