"""The glossary: every word is explained once, and leads to where it is used.

Covers app/web/glossary.py and app/web/terms.py.
"""

import re
from collections import Counter

import pytest

from app import catalog
from app.core.config import hyper_of
from app.web import glossary
from app.web.terms import TERMS, Term


def test_terms_have_names_anchors_and_patterns_of_their_own() -> None:
    for key in ("name", "anchor", "pattern"):
        counts = Counter(getattr(term, key) for term in TERMS)
        assert max(counts.values()) == 1, counts.most_common(1)
    for term in TERMS:
        re.compile(term.pattern)
        assert term.help.endswith(".")
        assert term.anchor


def test_terms_lead_to_the_files_that_say_them() -> None:
    found = {used.item.name: [place.url for place in used.places] for used in glossary.terms(catalog)}
    assert all(found.values())
    assert "/learn/q_learning" in found["ε-greedy"]
    assert "/learn/dqn" in found["Target network"]
    assert "/learn/ppo" in found["Generalized Advantage Estimation"]
    assert "/learn/parts/replay" in found["Replay buffer"]
    assert "/learn/q_learning" not in found["Generalized Advantage Estimation"]


def test_a_term_no_file_says_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    unsaid = Term("Zeugma", "", "A figure of speech.", r"\bzeugma\b")
    monkeypatch.setattr(glossary, "TERMS", (*TERMS, unsaid))
    assert "Zeugma" not in [used.item.name for used in glossary.terms(catalog)]


def test_scalars_name_who_reports_them() -> None:
    found = {used.item.name: used for used in glossary.scalars(catalog)}
    assert found.keys() == catalog.scalars().keys()
    assert "/learn/q_learning" in [place.url for place in found["tabular/epsilon"].places]
    assert found["eval/mean_reward"].note
    assert all(used.places or used.note for used in found.values()), "a scalar that nobody reports"


def test_signals_name_who_computes_them() -> None:
    found = {used.item.name: [place.url for place in used.places] for used in glossary.signals(catalog)}
    assert "/learn/q_learning" in found["q"]
    for spec in catalog.algorithms().values():
        assert found.keys() >= set(spec.signals)


def test_every_hyperparameter_is_there_with_each_of_its_explanations() -> None:
    found = {word.name: word for word in glossary.hyperparameters(catalog)}
    for spec in catalog.algorithms().values():
        for name, field in spec.config.model_fields.items():
            assert field.description in [text for text, _places in found[name].helps]
    fields = catalog.algorithm("q_learning").config.model_fields
    assert found["alpha"].symbol == hyper_of(fields["alpha"])["symbol"]
    assert any(
        place.url == "/learn/environments/CliffWalking-v1"
        for _text, places in found["is_slippery"].helps
        for place in places
    )
