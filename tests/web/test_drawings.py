"""Every world that a SPEC draws has a scene of the browser, a pace and a sketch on its card."""

import re
from pathlib import Path

import pytest

from app import catalog
from app.core.specs import EnvironmentSpec

ROOT = Path(__file__).parents[2]
SCENES = (ROOT / "static/js/scenes.js").read_text()
SKETCHES = (ROOT / "templates/_macros.html").read_text()
ALL = {**catalog.environments(), **{name: facts[0] for name, facts in catalog.absent().items()}}


@pytest.mark.parametrize("spec", ALL.values(), ids=ALL)
def test_a_world_is_drawn_at_a_pace_and_sketched(spec: EnvironmentSpec) -> None:
    if spec.kind == "tabular":
        assert f'scene.drawing === "{spec.drawing}"' in SCENES
        return
    pictures = SCENES[SCENES.index("const PICTURES") : SCENES.index("const STEP_MS")]
    paces = SCENES[SCENES.index("const STEP_MS") : SCENES.index("const OTHER_MS")]
    assert re.search(rf"\b{spec.drawing}\b", pictures)
    assert spec.drawing == "numbers" or re.search(rf"\b{spec.drawing}: \d+", paces)
    assert f'"{spec.drawing}"' in SKETCHES
