"""What a scalar is held against is drawn as a line: a number, or a setting of the run."""

import json
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.core.scalars import DICTIONARY
from tests.web.conftest import API


@pytest.mark.parametrize(
    ("name", "config", "value"),
    [
        ("train/kl", {"target_kl": 0.02}, 0.02),
        ("train/kl", {"target_kl": 0.02, "limit_kl": False}, None),
        ("train/kl", {"step_size": 0.1}, None),
        ("train/overestimation", {}, 0.0),
        ("train/ratio_max", {"limit_kl": False}, 1.0),
        ("train/entropy", {}, None),
    ],
)
def test_a_line_stands_where_its_number_or_the_setting_says(
    name: str, config: dict[str, Any], value: float | None
) -> None:
    assert [line["value"] for line in DICTIONARY[name].lines_in(config)] == ([] if value is None else [value])


def test_the_divergence_of_trpo_is_drawn_with_its_bound(client: TestClient) -> None:
    recipe = {"algorithm": "trpo", "environment": "CartPole-v1", "total_steps": 4096, "config": {"target_kl": 0.03}}
    made = client.post(f"{API}/runs", json=recipe).json()
    page = client.get(f"/runs/{made['id']}").text
    (chart,) = [part for part in page.split("<curve-chart")[1:] if 'scalar="train/kl"' in part]
    assert json.loads(unescape(chart.split(" lines='")[1].split("'")[0])) == [{"label": "bound", "value": 0.03}]
