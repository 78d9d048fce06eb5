"""Statements that circulate: each with evidence, sources and links that lead somewhere; the numbers in them are computed here."""

import math
from typing import Any

import numpy as np
from starlette.testclient import TestClient

from app import catalog
from app.parts.tabular import mdp_from_outcomes, policy_evaluation, uniform_policy
from app.web import statements


def test_each_statement_has_evidence_and_sources() -> None:
    found = statements.statements(catalog)
    assert len({item.id for item, _links in found}) == len(found) == 9
    for item, _links in found:
        assert item.kind in statements.KINDS
        assert item.sources
        assert item.said.startswith("“")
        assert item.said.endswith("”")
        assert "$" not in item.better_html.striptags()
        assert "$" not in item.evidence_html.striptags()


def test_links_lead_somewhere(client: TestClient) -> None:
    for _item, links in statements.statements(catalog):
        for url, _words in links:
            assert client.get(url).status_code == 200, url


def test_a_link_to_what_is_not_here_is_left_out(monkeypatch: Any) -> None:
    item = statements.Statement("x", "words", "“x”", "y", "z", ("s",), (("/learn/nowhere", "there"),))
    monkeypatch.setattr(statements, "STATEMENTS", (item,))
    assert statements.statements(catalog) == [(item, [])]


def test_the_numbers_of_the_terminal_mask_are_right() -> None:
    """One step with reward 1, γ = 0.9: worth 1 with the mask, 1/(1 − 0.9) = 10 without."""
    for terminated, value in ((True, 1.0), (False, 10.0)):
        mdp = mdp_from_outcomes([[[(1.0, 0, 1.0, terminated)]]], np.ones(1), None)
        assert math.isclose(policy_evaluation(mdp, uniform_policy(mdp), 0.9)[0], value)


def test_the_optimum_of_cliff_walking_is_what_the_page_says() -> None:
    world = catalog.environment("CliffWalking-v1")
    assert [round(item.value, 9) for item in world.references(world.config())] == [-13.0]


def test_the_closed_form_of_the_gaussian_kl_is_right() -> None:
    """Against a sum over a fine grid."""
    mean_0, deviation_0, mean, deviation = 0.3, 0.7, -0.2, 1.1
    x = np.linspace(-12, 12, 200_001)
    density = np.exp(-0.5 * ((x - mean_0) / deviation_0) ** 2) / (deviation_0 * math.sqrt(2 * math.pi))
    other = np.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
    numeric = float((density * (np.log(np.maximum(density, 1e-300)) - np.log(other))).sum() * (x[1] - x[0]))
    closed = math.log(deviation / deviation_0) + (deviation_0**2 + (mean_0 - mean) ** 2) / (2 * deviation**2) - 0.5
    assert math.isclose(numeric, closed, rel_tol=1e-8)
