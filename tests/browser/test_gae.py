"""The browser's sums of one-step errors are those of the server, to the last steps of an episode and for every λ."""

import numpy as np
import pytest

from app.parts.returns import backward_sum
from app.web.assets import asset_url
from tests.browser.conftest import Open

SCRIPT = """async ([path, deltas, ended, factor]) => {
  const { stacked } = await import(path);
  const { advantages, shares } = stacked(deltas, ended, factor);
  return [advantages, shares.reduce((sums, row) => sums.map((sum, t) => sum + row[t]), advantages.map(() => 0))];
}"""


@pytest.mark.parametrize("factor", [0.0, 0.5, 0.9405, 1.0])
def test_the_sums_of_errors_are_the_servers(visit: Open, factor: float) -> None:
    random = np.random.default_rng(3)
    deltas, ended = random.normal(size=60), (random.random(60) < 0.1).astype(float)
    page = visit("/").page
    path = asset_url("js/gae.js")
    sums, stacks = page.evaluate(SCRIPT, [path, deltas.tolist(), ended.tolist(), factor])
    expected = backward_sum(deltas[:, None], ended[:, None] > 0, factor)[:, 0]
    np.testing.assert_allclose(sums, expected, rtol=1e-9)
    np.testing.assert_allclose(stacks, expected, rtol=1e-6, atol=1e-7)
