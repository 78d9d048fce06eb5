"""A run's page names the curve whose newest value is a pathology, also where its group is folded."""

from typing import Any, cast

import pytest
from starlette.testclient import TestClient

from app import catalog
from app.web import views
from app.web.services import Playground


@pytest.mark.parametrize(("value", "is_alarming"), [(0.01, False), (4.5e9, True)])
def test_a_pathology_is_named(
    playground: Playground, client: TestClient, value: float, is_alarming: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = client.post("/api/v1/runs", json={"algorithm": "ppo", "environment": "CartPole-v1"}).json()
    run = playground.run(made["id"]).model_copy(update={"latest": {"train/approx_kl": value}})
    shown = views.view(cast(Any, catalog), run)
    named = [scalar.name for _label, scalars in shown.groups for scalar in shown.alarming(scalars)]
    assert named == (["train/approx_kl"] if is_alarming else [])
    page = client.get(f"/runs/{made['id']}").text
    assert "the policy moves too far in one update" in page, "the chart is told what to say"
    assert "⚠" not in page, "and says it only where there is a value beyond"
    monkeypatch.setattr(playground, "run", lambda id: run)
    page = client.get(f"/runs/{made['id']}").text
    assert ("⚠ alarm: Approximate KL" in page) == is_alarming, "the summary of the group says it, folded or not"
