"""Turns an algorithm's file into its page: the docstring's Markdown and numbered equations, beside its highlighted source.

Equation n of the docstring and the lines that end in `# (n)` link to each other. Formulas stay LaTeX text inside
`<math-tex>` elements, so that the page reads without script; the browser sets them with KaTeX.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

TAG = re.compile(r"\\tag\{(\d+)\}")
HEADING = re.compile(r"^[#*\s]*(What this file leaves out|Sources?)\b[*:\s]*(.*)$", re.I)
UNDERLINE = re.compile(r"^\s*[-=]{4,}\s*$")
ARXIV = re.compile(r"arXiv[ :](\d{4}\.\d{4,5})", re.I)
MARK = re.compile(r"#.*\((\d+)\)\s*$")


@dataclass(frozen=True)
class Equation:
    """One numbered formula; `number` is empty where the file gives none."""

    tex: str
    number: str


@dataclass(frozen=True)
class Line:
    """One highlighted line of source; `equations` are the numbers of the equations it implements."""

    number: int
    html: Markup
    equations: tuple[str, ...]


def render(text: str, lines_of: dict[str, int] | None = None) -> Markup:
    """Return Markdown with LaTeX as HTML.

    Args:
        text: a docstring.
        lines_of: equation number → line of the source that implements it, for the links.
    """
    lines = lines_of or {}

    def formula(tex: str, options: dict[str, Any]) -> str:
        if not options.get("display_mode"):
            return inline_math(tex)
        return str(block_math(tex, lines))

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.use(dollarmath_plugin, renderer=formula, double_inline=True)
    return Markup(parser.render(text))


def with_papers(html: Markup) -> Markup:
    """Return a text in which each arXiv number leads to its paper."""
    link = r'<a href="https://arxiv.org/abs/\1" rel="noreferrer">arXiv \1</a>'
    return Markup(ARXIV.sub(link, str(html)))


def inline_math(tex: str) -> str:
    """Return a formula inside a line of text."""
    text = escape(tex.strip())
    return f'<math-tex tex="{text}">{text}</math-tex>'


def block_math(tex: str, lines: dict[str, int]) -> Markup:
    """Return a formula of its own, with its number and a link to its line."""
    found = TAG.search(tex)
    text = escape(TAG.sub("", tex).strip())
    body = f'<math-tex display="block" tex="{text}">{text}</math-tex>'
    if not found:
        return Markup(f'<div class="equation">{body}</div>')
    number = found.group(1)
    line = lines.get(number)
    label = f'<a class="equation-number" href="#line-{line}">({number})</a>' if line else f"<span>({number})</span>"
    return Markup(f'<div class="equation" id="equation-{number}">{body}{label}</div>')


@lru_cache(maxsize=256)
def equations(docstring: str) -> tuple[Equation, ...]:
    """Return the displayed formulas of a docstring in order."""
    found = []
    for tex in re.findall(r"\$\$(.+?)\$\$", docstring, flags=re.S):
        number = TAG.search(tex)
        found.append(Equation(TAG.sub("", tex).strip(), number.group(1) if number else ""))
    return tuple(found)


@lru_cache(maxsize=256)
def docstring_of(path: Path, stamp: int) -> str:
    """Return the docstring of a Python file; `stamp` is its modification time."""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


@lru_cache(maxsize=256)
def source_lines(path: Path, stamp: int) -> tuple[Line, ...]:
    """Return a Python file highlighted line by line, without its docstring, which stands beside it as mathematics.

    Args:
        path: the file.
        stamp: its modification time, so that an edited file is read again.
    """
    text = path.read_text(encoding="utf-8")
    plain = text.splitlines()
    first = _after_docstring(text)
    pretty = highlight(text, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)).splitlines()
    pretty += [""] * (len(plain) - len(pretty))
    return tuple(
        Line(number, Markup(pretty[number - 1]), _marks(plain[number - 1])) for number in range(first, len(plain) + 1)
    )


def lines_of(lines: Sequence[Line]) -> dict[str, int]:
    """Return equation number → the first line that implements it."""
    found: dict[str, int] = {}
    for line in lines:
        for number in line.equations:
            found.setdefault(number, line.number)
    return found


def sections(docstring: str) -> dict[str, str]:
    """Return the parts of a docstring by heading; the text before the first heading under the empty name.

    A heading is a line such as `What this file leaves out` or `Sources`, with or without `#`, `:` or an underline; text may follow it.
    """
    parts: dict[str, list[str]] = {"": []}
    current = ""
    for line in docstring.splitlines():
        found = HEADING.match(line)
        if found:
            current = "sources" if found.group(1).lower().startswith("source") else "leaves_out"
            parts[current] = [found.group(2)]
        elif not UNDERLINE.match(line):
            parts[current].append(line)
    return {name: "\n".join(lines).strip() for name, lines in parts.items()}


def _marks(line: str) -> tuple[str, ...]:
    found = MARK.search(line)
    return tuple(re.findall(r"\((\d+)\)", line[line.index("#") :])) if found else ()


def _after_docstring(text: str) -> int:
    body = ast.parse(text).body
    has_docstring = body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    end = (body[0].end_lineno or 0) if has_docstring else 0
    lines = text.splitlines()
    while end < len(lines) and not lines[end].strip():
        end += 1
    return end + 1
