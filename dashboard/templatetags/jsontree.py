"""JSON as a tree that folds without scripts."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()
OPEN_DEPTH = 1
DEEPEST = 40


@register.simple_tag
def json_tree(value: Any) -> SafeString:
    """Show a value; objects and arrays as `<details>`, the outermost open."""
    return _node("", value, 0)


def _node(key: str, value: Any, depth: int) -> SafeString:
    name = format_html('<span class="tree-key">{}</span> ', key) if key else SafeString("")
    if not isinstance(value, dict | list) or not value or depth > DEEPEST:
        return format_html('<div class="tree-leaf" data-node>{}{}</div>', name, _leaf(value))
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    children = format_html_join("", "{}", ((_node(str(k), v, depth + 1),) for k, v in pairs))
    if not key:
        return children
    around = "{}" if isinstance(value, dict) else "[]"
    return format_html(
        '<details class="tree-branch" data-node{}><summary>{}<span class="faint">{}{}{}</span>'
        '</summary><div class="tree-children">{}</div></details>',
        " open" if depth <= OPEN_DEPTH else "", name, around[0], len(value), around[1], children,
    )  # fmt: skip


def _leaf(value: Any) -> SafeString:
    kind = "text" if isinstance(value, str) else "word"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return format_html('<span class="tree-{}">{}</span>', kind, text)
