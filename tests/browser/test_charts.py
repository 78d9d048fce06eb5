"""Charts: what is drawn of the points of a run, and what is said around it."""

from typing import Any

import pytest

from tests.browser.conftest import Open

MODULE = 'const {{ {names} }} = await import(new URL("{file}", document.querySelector("script[type=module]").src));'
TOGETHER = "async (curve) => { " + MODULE.format(names="together", file="curves.js") + " return together(curve); }"

AREA = {"left": 60, "right": 270, "top": 8, "bottom": 120}
NAMES = (
    """async ([area, rules, busy]) => { """
    + MODULE.format(names="placeFor", file="figure-notes.js")
    + """
  const taken = [];
  for (const [x, y, width] of rules) taken.push(placeFor(area, { at: [x, y], width }, { taken, busy }));
  return taken;
}"""
)
BEYOND = (
    "async (cases) => { "
    + MODULE.format(names="beyond", file="plot-band.js")
    + " return cases.map(([axis, band, least]) => beyond(axis, band, least)); }"
)
SHADE = (
    "async (cases) => { "
    + MODULE.format(names="shade", file="plot-band.js")
    + """
  return cases.map(([[low, high], band]) => {
    const drawn = [];
    const ctx = { save() {}, restore() {}, fillRect: (x, y, width, height) => drawn.push([y, height]) };
    shade({ ctx, bbox: { left: 0, width: 300, top: 0, height: 100 }, valToPos: (value) => (100 * (high - value)) / (high - low) }, band);
    return drawn[0];
  });
}"""
)
RANGE = (
    "async ([values, references]) => { "
    + MODULE.format(names="options", file="plot.js")
    + """
  const look = { width: 300, height: 160, curves: 1, healthy: null, references: () => references };
  return options(look).scales.y.range({ data: [[], values] });
}"""
)
TICKS = (
    "async (cases) => { "
    + MODULE.format(names="ticks", file="format.js")
    + " return cases.map((places) => ticks(places)); }"
)
RINGS = "async (places) => { " + MODULE.format(names="ringsOf", file="figure-notes.js") + " return ringsOf(places); }"

ZEROS = """async (curve) => {
  const at = (file) => new URL(file, document.querySelector("script[type=module]").src);
  const [{ drawn }, { curvesOf }, { frameOf }, { options }, { script }] = await Promise.all(
    ["chart-data.js", "series.js", "chart-frame.js", "plot.js", "loader.js"].map((file) => import(at(file))));
  await script("vendor/uplot/uPlot.iife.min.js");
  const chart = document.createElement("div");
  for (const [name, value] of Object.entries({ scalar: "train/kl", label: "KL", log: "" })) chart.setAttribute(name, value);
  document.body.append(chart);
  curvesOf(99).curves.set("train/kl", curve);
  const [frame, one] = [frameOf(chart), drawn(99, chart)];
  frame.tell([one], false, true);
  let marked = 0;
  const look = { width: 300, height: 160, curves: 1, log: true, envelope: true, tall: false, healthy: null, references: () => [],
    marks: () => [], zeros: () => [one.zeros], drawn: () => {}, moved: () => {} };
  const plot = new uPlot({ ...options(look), hooks: { draw: [(u) => {
    const fill = u.ctx.fill;
    u.ctx.fill = () => marked++;
    options(look).hooks.draw[1](u);
    u.ctx.fill = fill;
  }] } }, [one.x, one.y, one.min, one.max], frame.host);
  await new Promise((resolve) => setTimeout(resolve, 50));
  frame.point(plot.data, 1);
  const said = [...chart.querySelectorAll(".plot-note")].filter((note) => !note.hidden).map((note) => note.textContent).join(" ");
  return { zeros: one.zeros, marked, axis: [plot.scales.y.min, plot.scales.y.max], said, hovered: chart.querySelector(".caption").textContent };
}"""


def test_a_zero_on_a_logarithmic_axis_is_marked_at_its_lower_edge_and_said(visit: Open) -> None:
    """A step of TRPO that no length was allowed for moves nothing: its divergence is 0."""
    page = visit("/").page
    kl: dict[str, Any] = {
        "steps": [10, 20, 30, 40], "values": [0.01, 0, 0.002, 0.004], "min": [0.01, 0, 0, 0.004], "max": [0.01, 0, 0.008, 0.004],
    }  # fmt: skip
    found = page.evaluate(ZEROS, kl)
    assert found["zeros"] == [20, 30], "a point that stands for several is marked where one of them is 0"
    assert found["marked"] == 2
    assert found["axis"] == pytest.approx([1e-3, 1e-2])
    assert "2 of 4 points reach 0" in found["said"]
    assert found["hovered"].startswith("20: 0"), "and not as if there had been no update"
    nothing = page.evaluate(ZEROS, {**kl, "values": [0] * 4, "min": [0] * 4, "max": [0] * 4})
    assert (nothing["marked"], nothing["axis"]) == (4, pytest.approx([0.1, 1]))
    above = page.evaluate(ZEROS, {**kl, "values": [0.01] * 4, "min": [0.01] * 4, "max": [0.01] * 4})
    assert (above["zeros"], above["marked"]) == ([], 0)
    assert "logarithmic" not in above["said"]


def test_a_figure_without_a_number_above_zero_keeps_its_logarithmic_axis(visit: Open) -> None:
    code = (
        "async (figure) => { "
        + MODULE.format(names="rangeOf", file="figure-range.js")
        + " return rangeOf(figure, { kl: [0, 0] }, 'y'); }"
    )
    figure = {"y": {"log": True}, "marks": [{"kind": "dots", "y": "kl"}]}
    assert visit("/").page.evaluate(code, figure) == [0.1, 1]


def test_points_of_one_step_are_drawn_as_their_mean_and_band(visit: Open) -> None:
    """As they are, points at one place are a line up and down, and what is smoothed over them a saw."""
    page = visit("/").page
    curve: dict[str, Any] = {
        "steps": [10, 10, 10, 20, 30, 30], "values": [1, 5, 3, 4, None, 7], "min": [0, 5, 3, 4, None, 6],
        "max": [1, 9, 3, 4, None, 8], "next": 6,
    }  # fmt: skip
    assert page.evaluate(TOGETHER, curve) == {
        "steps": [10, 20, 30], "values": [3, 4, 7], "min": [0, 4, 6], "max": [9, 4, 8], "next": 6,
    }  # fmt: skip
    apart = {**curve, "steps": [10, 11, 12, 20, 30, 31]}
    assert page.evaluate(TOGETHER, apart) == apart
    empty: dict[str, Any] = {"steps": [], "values": [], "min": [], "max": []}
    assert page.evaluate(TOGETHER, empty) == empty


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    """Whether two names of 11 pixels stand on each other."""
    return abs(one["y"] - other["y"]) < 11 and (
        one["x"] < other["x"] + other["width"] and other["x"] < one["x"] + one["width"]
    )


def test_names_of_lines_that_meet_stand_apart(visit: Open) -> None:
    page = visit("/").page
    rules = [[None, 20, 36], [64, None, 48], [62, None, 48], [None, 22, 36], [None, 118, 120], [None, 119, 120]]
    for area in (AREA, {**AREA, "right": 190}):
        names = page.evaluate(NAMES, [area, rules, []])
        for i, name in enumerate(names):
            assert area["left"] <= name["x"] <= area["right"] - name["width"]
            assert area["top"] + 11 <= name["y"] <= area["bottom"]
            assert not any(overlap(name, other) for other in names[:i]), (name, names)


def test_a_name_keeps_off_what_is_drawn_where_it_can(visit: Open) -> None:
    curve = [[x, 40] for x in range(60, 140, 3)]
    (name,) = visit("/").page.evaluate(NAMES, [AREA, [[None, 45, 40]], curve])
    assert name["x"] >= 140 or name["y"] > 51, "not where a line runs, which is above at the left"
    wall = [[x, y] for x in range(60, 270, 3) for y in range(8, 120, 3)]
    (name,) = visit("/").page.evaluate(NAMES, [AREA, [[None, 45, 40]], wall])
    assert name["y"] in (40, 58), "beside its line, where no place is free"


def test_a_point_that_lies_on_another_leaves_a_ring_of_it(visit: Open) -> None:
    found = visit("/").page.evaluate(RINGS, [[[10, 10], [50, 50]], [[11, 12]], [[10, 11]]])
    assert found == [[2, 0], [1], [0]]


def test_of_a_band_that_is_not_seen_whole_it_is_said_where_it_lies(visit: Open) -> None:
    """Shade from edge to edge looks like a band that ends there, and no shade like no band."""
    cases: list[tuple[list[float], list[float | None] | None, str, bool]] = [
        ([0, 0.02], [0.1, 0.3], "0.1 to 0.3 lies above", True),
        ([2, 5], [0.1, 0.3], "0.1 to 0.3 lies below", False),
        ([2, 5], [None, 1.5], "≤ 1.5 lies below", False),
        ([-1, 0.5], [0.5, None], "≥ 0.5 lies above", True),
        ([0, 0.2], [0.1, 0.3], "goes on up to 0.3", True),
        ([0.2, 0.5], [0.1, 0.3], "goes on down to 0.1", False),
        ([0.15, 0.2], [0.1, 0.3], "all of it within 0.1 to 0.3", True),
    ]
    found = visit("/").page.evaluate(BEYOND, [case[:2] for case in cases])
    assert found == [{"text": text, "is_above": is_above} for *_case, text, is_above in cases]
    seen = [([0, 1], [0.1, 0.3]), ([0, 1], None), ([0, 1], [0.5, None]), ([0, 0.3], [0.0, 0.3])]
    assert visit("/").page.evaluate(BEYOND, seen) == [None] * 4
    thin = [([-3e8, 4.5e9], [0, 0.05], 0.02), ([-4.5e9, 1e6], [0, 0.05], 0.02), ([0, 4.5e9], [None, 1.0], 0.02)]
    found = visit("/").page.evaluate(BEYOND, thin)
    assert [one["text"] for one in found] == ["0 to 0.05 lies below", "0 to 0.05 lies above", "≤ 1 lies below"]


def test_a_band_too_thin_to_be_seen_is_a_strip_on_its_side(visit: Open) -> None:
    cases: list[Any] = [[[0, 1], [0.2, 0.5]], [[0, 4.5e9], [0, 0.05]], [[-3e8, 2.7e9], [0, 0.05]], [[2, 5], [6, 7]], [[2, 5], [0, 1]]]  # fmt: skip
    found = visit("/").page.evaluate(SHADE, cases)
    assert found == [pytest.approx(one) for one in ([50, 30], [97, 3], [88.5, 3], [0, 3], [97, 3])]


def test_an_axis_does_not_go_below_0_where_nothing_is_drawn_there(visit: Open) -> None:
    page = visit("/").page
    assert page.evaluate(RANGE, [[0, 0, 0], []]) == [0, 1]
    assert page.evaluate(RANGE, [[0, 1], []]) == pytest.approx([0, 1.06])
    assert page.evaluate(RANGE, [[-1, 0], []]) == pytest.approx([-1.06, 0.06])
    assert page.evaluate(RANGE, [[0, 0.01], [{"label": "at most", "value": 0.015}]])[1] > 0.0159


def test_a_logarithmic_axis_reaches_a_line_that_is_less_than_a_decade_away(visit: Open) -> None:
    page, line = visit("/").page, [{"label": "bound", "value": 0.01}]
    code = RANGE.replace("curves: 1,", "curves: 1, log: true,")
    assert page.evaluate(code, [[2e-5, 5e-4], line]) == [1e-5, 1e-3]
    assert page.evaluate(code, [[2e-4, 5e-3], line]) == [1e-4, 1e-2]
    assert page.evaluate(code, [[2e-2, 5e-2], line]) == [1e-2, 1e-1]


def test_labels_of_an_axis_have_as_many_digits_as_tell_them_apart(visit: Open) -> None:
    cases: list[list[float | None]] = [[5.9e-5, 6e-5, 6.1e-5], [0.9980, 0.9985, 0.9990], [0, 5000, 10_000], [None, -338_711_296.5, -5_270_000.5], [1e-5, 1e-4, 1.0]]  # fmt: skip
    assert visit("/").page.evaluate(TICKS, cases) == [
        ["5.9e−5", "6e−5", "6.1e−5"], ["0.998", "0.9985", "0.999"], ["0", "5\u202f000", "10k"], ["", "−339M", "−5.27M"], ["1e−5", "1e−4", "1"],
    ]  # fmt: skip


def test_large_numbers_are_grouped_alike_whole_or_rounded(visit: Open) -> None:
    code = "async (values) => { " + MODULE.format(names="number", file="format.js") + " return values.map((one) => number(one, 3)); }"  # fmt: skip
    assert visit("/").page.evaluate(code, [-338_711_296, -5_271_234.5, 12_345.6, 0.12345, -0.5, 1.5e-4]) == [
        "−338\u202f711\u202f296", "−5\u202f270\u202f000", "12\u202f300", "0.123", "−0.5", "1.5e−4",
    ]  # fmt: skip
