"""The difference of two algorithms' files: only the code that differs, block by block, without docstrings.

A block is a top-level definition, and the imports together. Blocks of one name are compared line by line; a line that
differs only in a name of its own (Config, agent, id) or in the number of its equation counts as the same.
"""

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from html import escape
from pathlib import Path

from markupsafe import Markup
from pygments import lex
from pygments.lexers import PythonLexer
from pygments.token import STANDARD_TYPES, _TokenType

CONTEXT = 3
ALIKE = 0.35  # below this share of equal words two passages are shown as other code, not as edited code
IMPORTS = "imports"
DECLARATIONS = {IMPORTS, "SPEC"}
EQUATION = re.compile(r"(#.*)\(\d+\)\s*$")
NUMBERED = re.compile(r"#.*\(·\)$")  # what a key makes of it
FORMATTING = re.compile(r"\s*# fmt: (on|off)$")


@dataclass(frozen=True)
class Row:
    """One line of one file."""

    number: int
    html: Markup


@dataclass(frozen=True)
class Chunk:
    """Neighbouring lines of both files; `kind` is same, change or gap (lines that are the same and not shown)."""

    kind: str
    old: tuple[Row, ...] = ()
    new: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Block:
    """One definition that differs; `is_only` names the side it is on where the other has none."""

    name: str
    chunks: tuple[Chunk, ...]
    is_only: str = ""


@dataclass(frozen=True)
class Difference:
    """What distinguishes two files: blocks of code, then imports and SPEC, then the names of what is the same."""

    blocks: tuple[Block, ...]
    declarations: tuple[Block, ...]
    same: tuple[str, ...]
    added: int
    removed: int


@dataclass(frozen=True)
class Source:
    """A file to compare: its path, and the names that are its own (Config, agent, id)."""

    path: Path
    own: tuple[str, ...]


@dataclass(frozen=True)
class _Line:
    number: int
    key: str
    words: tuple[tuple[str, str], ...]  # (CSS class, text)


def compare(old: Source, new: Source) -> Difference:
    """Return what `new` changes of `old`."""
    before, after = blocks(old), blocks(new)
    names = [*after, *(name for name in before if name not in after)]
    found: list[Block] = []
    same = []
    for name in names:
        block = _block(name, before.get(name, ()), after.get(name, ()))
        if block:
            found.append(block)
        else:
            same.append(name)
    code = [block for block in found if block.name not in DECLARATIONS]
    marked = {name for side in (before, after) for name, lines in side.items() if _is_marked(lines)}
    code.sort(key=lambda block: block.name not in marked)  # the equations' lines first
    return Difference(
        blocks=tuple(code),
        declarations=tuple(block for block in found if block.name in DECLARATIONS),
        same=tuple(same),
        added=sum(len(chunk.new) for block in code for chunk in block.chunks if chunk.kind == "change"),
        removed=sum(len(chunk.old) for block in code for chunk in block.chunks if chunk.kind == "change"),
    )


def blocks(source: Source) -> dict[str, tuple[_Line, ...]]:
    """Return name → lines of every top-level block, docstrings left out, comments above a block with it."""
    path = source.path
    return _blocks(path, path.stat().st_mtime_ns, source.own)


@lru_cache(maxsize=128)
def _blocks(path: Path, stamp: int, own: tuple[str, ...]) -> dict[str, tuple[_Line, ...]]:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = _lines(text, own)
    hidden = _docstring_lines(tree)
    found: dict[str, list[_Line]] = {}
    begin = 1
    for node in tree.body:
        end = node.end_lineno or node.lineno
        name = _key(_name(node), own)
        kept = [line for line in lines[begin - 1 : end] if line.number not in hidden and not FORMATTING.match(line.key)]
        found.setdefault(name, []).extend(_trimmed(kept))
        begin = end + 1
    return {name: tuple(kept) for name, kept in found.items() if kept}


def _block(name: str, old: Sequence[_Line], new: Sequence[_Line]) -> Block | None:
    matcher = SequenceMatcher(None, [line.key for line in old], [line.key for line in new], autojunk=False)
    if matcher.ratio() == 1.0:
        return None
    chunks: list[Chunk] = []
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind != "equal":
            chunks.append(_changed(old[i:j], new[k:m]))
            continue
        rows = [(_row(a), _row(b)) for a, b in zip(old[i:j], new[k:m], strict=True)]
        chunks.extend(_context(rows, is_first=i == 0 and k == 0, is_last=j == len(old) and m == len(new)))
    return Block(name, tuple(chunks), "" if old and new else "new" if new else "old")


def _context(rows: list[tuple[Row, Row]], *, is_first: bool, is_last: bool) -> list[Chunk]:
    """Return equal lines with those far from any change left out."""
    head, tail = 0 if is_first else CONTEXT, 0 if is_last else CONTEXT
    if is_first and rows:
        head = 1  # the definition's own line
    if len(rows) <= head + tail + 1:
        return [_same(rows)] if rows else []
    parts = [_same(rows[:head]), Chunk("gap"), _same(rows[len(rows) - tail :])]
    return [part for part in parts if part.kind == "gap" or part.old]


def _same(rows: Iterable[tuple[Row, Row]]) -> Chunk:
    pairs = list(rows)
    return Chunk("same", tuple(old for old, _ in pairs), tuple(new for _, new in pairs))


def _changed(old: Sequence[_Line], new: Sequence[_Line]) -> Chunk:
    """Return replaced lines; where the passages are alike, the words that differ are marked."""
    words = [[text for line in side for _, text in line.words if text.strip()] for side in (old, new)]
    matcher = SequenceMatcher(None, words[0], words[1], autojunk=False)
    kept: tuple[set[int], set[int]] = (set(), set())
    if matcher.ratio() >= ALIKE:
        for match in matcher.get_matching_blocks():
            kept[0].update(range(match.a, match.a + match.size))
            kept[1].update(range(match.b, match.b + match.size))
    return Chunk("change", _marked(old, kept[0], "del"), _marked(new, kept[1], "ins"))


def _marked(lines: Sequence[_Line], kept: set[int], tag: str) -> tuple[Row, ...]:
    rows, place = [], 0
    for line in lines:
        parts = []
        for style, text in line.words:
            is_changed = bool(kept) and bool(text.strip()) and place not in kept
            place += bool(text.strip())
            parts.append(f"<{tag}>{_span(style, text)}</{tag}>" if is_changed else _span(style, text))
        rows.append(Row(line.number, Markup("".join(parts))))
    return tuple(rows)


def _row(line: _Line) -> Row:
    return Row(line.number, Markup("".join(_span(style, text) for style, text in line.words)))


def _span(style: str, text: str) -> str:
    return f'<span class="{style}">{escape(text)}</span>' if style else escape(text)


def _lines(text: str, own: tuple[str, ...]) -> list[_Line]:
    words: list[list[tuple[str, str]]] = [[]]
    for kind, value in lex(text, PythonLexer(stripnl=False)):
        for place, part in enumerate(value.split("\n")):
            if place:
                words.append([])
            if part:
                words[-1].append((_style(kind), part))
    plain = text.splitlines()
    return [_Line(n, _key(line.rstrip(), own), tuple(words[n - 1])) for n, line in enumerate(plain, 1)]


def _style(kind: _TokenType | None) -> str:
    while kind is not None and kind not in STANDARD_TYPES:
        kind = kind.parent
    return STANDARD_TYPES[kind] if kind is not None and STANDARD_TYPES[kind] != "w" else ""


def _key(text: str, own: tuple[str, ...]) -> str:
    for place, name in enumerate(own, 1):
        text = re.sub(rf"\b{re.escape(name)}\b", "·" * place, text)
    return EQUATION.sub(r"\1(·)", text)


def _docstring_lines(tree: ast.Module) -> set[int]:
    """Return the lines of every docstring, of the module and of what it defines."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            found.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return found


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return IMPORTS
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        return ast.unparse(target)
    return ast.unparse(node).split("\n")[0]


def _trimmed(lines: list[_Line]) -> list[_Line]:
    """Return lines without empty ones at the ends."""
    kept = [place for place, line in enumerate(lines) if line.key.strip()]
    return lines[kept[0] : kept[-1] + 1] if kept else []


def _is_marked(lines: Sequence[_Line]) -> bool:
    return any(NUMBERED.search(line.key) for line in lines)
