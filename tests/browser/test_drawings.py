"""Every world of numbers is drawn, each moment otherwise than the next; rods hang where their joints put them."""

import numpy as np

from app import catalog
from tests.browser.conftest import Open

PAINT = """async ([drawing, states]) => {
  const { drawScene } = await import(new URL("scenes.js", document.querySelector("script[type=module]").src));
  return states.map((state, i) => {
    const ctx = Object.assign(document.createElement("canvas"), { width: 600, height: 300 }).getContext("2d");
    drawScene(ctx, { w: 600, h: 300 }, { drawing }, { state, next: state, share: 0, trail: states.slice(0, i + 1) });
    const { data } = ctx.getImageData(0, 0, 600, 300);
    let [painted, mark] = [0, 0];
    data.forEach((byte, at) => {
      if (byte && at % 4 === 3) painted += 1;
      mark = (mark * 31 + byte) % 1000003;
    });
    return [painted, mark];
  });
}"""
RODS = """async (states) => {
  const { endsOf, HOPPER } = await import(new URL("scenes-bodies.js", document.querySelector("script[type=module]").src));
  return states.map((state) => endsOf(HOPPER, state));
}"""

TICKS = """async (at) => {
  const { options } = await import(new URL("plot.js", document.querySelector("script[type=module]").src));
  const look = { curves: 1, references: () => [], marks: () => [] };
  return options(look).axes.map((axis) => axis.values(null, at));
}"""


def test_every_world_of_numbers_is_drawn(visit: Open) -> None:
    page = visit("/").page
    known = [*catalog.environments().values(), *(facts[0] for facts in catalog.absent().values())]
    for spec in known:
        if spec.kind == "tabular":
            continue
        size = spec.make(spec.config()).observation_size
        random = np.random.default_rng(0)
        states = random.uniform(0.05, 0.6, (3, size)).tolist()
        painted, marks = zip(*page.evaluate(PAINT, [spec.drawing, states]), strict=True)
        assert min(painted) > 500, spec.id
        assert len(set(marks)) == 3, f"{spec.id}: every moment looks otherwise"


def test_a_body_of_rods_is_where_its_joints_put_it(visit: Open) -> None:
    """Hopper upright: torso, thigh and leg one above the other, the foot flat; then the thigh turned by a right angle."""
    states = [[1.25, 0, 0, 0, 0], [1.25, 0, -np.pi / 2, 0, 0]]
    upright, turned = visit("/").page.evaluate(RODS, states)
    expected = [
        [[0, -0.2], [0, 0.2]], [[0, -0.65], [0, -0.2]], [[0, -1.15], [0, -0.65]], [[-0.13, -1.15], [0.26, -1.15]],
    ]  # fmt: skip
    np.testing.assert_allclose(upright, expected, atol=1e-12)
    thigh = np.array(turned[1])
    np.testing.assert_allclose(np.sort(np.abs(thigh[:, 0])), [0, 0.45], atol=1e-12)
    np.testing.assert_allclose(thigh[:, 1], [-0.2, -0.2], atol=1e-12)


def test_labels_of_a_chart_keep_their_digits_wherever_they_stand(visit: Open) -> None:
    for labels in visit("/").page.evaluate(TICKS, [0.5, 12_500, 14_600, 1.25e6]):
        assert labels == ["0.5", "12.5k", "14.6k", "1.25M"]
