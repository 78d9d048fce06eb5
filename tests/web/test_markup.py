"""Docstrings as mathematics, and source highlighted line by line."""

from pathlib import Path

from markupsafe import Markup

from app.web import markup

DOCSTRING = r"""Name.

Words with $x < y$.

$$y_t = r \tag{1}$$

What this file leaves out:
1. one thing.

Sources: Somebody (1990).
"""


def test_a_numbered_equation_links_to_its_line() -> None:
    html = markup.render(DOCSTRING, {"1": 42})
    assert 'id="equation-1"' in html
    assert '<a class="equation-number" href="#line-42">(1)</a>' in html
    assert r"\tag" not in html


def test_formulas_are_escaped_text_without_script() -> None:
    html = markup.render("$a < b$ and <script>x</script>")
    assert '<math-tex tex="a &lt; b">a &lt; b</math-tex>' in html
    assert "<script>" not in html


def test_sections_are_told_apart() -> None:
    parts = markup.sections(DOCSTRING)
    assert parts["leaves_out"] == "1. one thing."
    assert parts["sources"] == "Somebody (1990)."
    assert "leaves out" not in parts[""]


def test_equations_come_in_order_without_their_numbers() -> None:
    assert markup.equations(DOCSTRING) == (markup.Equation("y_t = r", "1"),)


def test_source_starts_after_the_docstring_and_knows_its_equations(tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text('"""Maths."""\n\nimport os\n\ny = os.name  # (1)\n')
    lines = markup.source_lines(file, 1)
    assert [line.number for line in lines] == [3, 4, 5]
    assert lines[-1].equations == ("1",)
    assert markup.lines_of(lines) == {"1": 5}
    assert 'class="kn"' in lines[0].html


def test_papers_on_arxiv_are_links() -> None:
    html = markup.with_papers(Markup("Schulman et al. (2015), arXiv 1502.05477, appendix C"))
    assert '<a href="https://arxiv.org/abs/1502.05477" rel="noreferrer">arXiv 1502.05477</a>, appendix C' in html
    assert markup.with_papers(Markup("arXiv of old")) == "arXiv of old"
