"""The grids of the textbooks as drawn worlds, for the editor to begin with. Each says where it departs from its book."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from app.core.text import _

COSTLY: Mapping[str, Any] = {"step_reward": -1.0, "goal_reward": 0.0}
FREE: Mapping[str, Any] = {"step_reward": 0.0, "goal_reward": 1.0}


@dataclass(frozen=True)
class Classic:
    """One textbook grid.

    Attributes:
        note: its source, and what is different here.
        gamma: the discount of the book.
        config: options of the gridworld that differ from its defaults.
    """

    id: str
    name: str
    note: str
    gamma: float
    config: Mapping[str, Any]

    @property
    def url(self) -> str:
        """Return the address of Play that shows it."""
        options = {f"environment_config.{key}": value for key, value in self.config.items() if key != "layout"}
        return f"/?{urlencode({'environment': 'gridworld', 'layout': self.config['layout'], **options})}"


CLASSICS = (
    Classic(
        "corners", _("Two corners, 4 × 4"), _("Sutton and Barto, example 4.1; episodes begin in every other cell there"),
        1.0, {"layout": "GSSS/SSSS/SSSS/SSSG", **COSTLY},
    ),
    Classic(
        "two-prizes", _("Two prizes, 5 × 5"),
        _("after Sutton and Barto, example 3.5: its cells A and B end the episode here instead of leading on"),
        0.9, {"layout": ".G.G./...../..S../...../.....", "rewards": "0,1:10;0,3:5", **FREE},
    ),
    Classic(
        "windy", _("Windy grid, 7 × 10"),
        _("after Sutton and Barto, example 6.5: its two columns of double wind blow singly here"),
        1.0, {"layout": "/".join(["...^^^^^^."] * 3 + ["S..^^^^G^."] + ["...^^^^^^."] * 3), **COSTLY},
    ),
    Classic(
        "cliff", _("Cliff, 4 × 12"),
        _("Sutton and Barto, example 6.6; falling ends the episode here instead of leading back to the start"),
        1.0, {"layout": f"{'.' * 12}/{'.' * 12}/{'.' * 12}/S{'X' * 10}G", "pit_reward": -100.0, **COSTLY},
    ),
    Classic(
        "dyna", _("Dyna maze, 6 × 9"), _("Sutton and Barto, example 8.1"),
        0.95, {"layout": ".......#G/..#....#./S.#....#./..#....../.....#.../.........", **FREE},
    ),
    Classic(
        "blocking", _("Blocking maze, 6 × 9"), _("Sutton and Barto, example 8.2, before its wall moves"),
        0.95, {"layout": "........G/........./........./########./........./...S.....", **FREE},
    ),
    Classic(
        "shortcut", _("Shortcut maze, 6 × 9"), _("Sutton and Barto, example 8.3, after its shortcut has opened"),
        0.95, {"layout": "........G/........./........./.#######./........./...S.....", **FREE},
    ),
    Classic(
        "four-by-three", _("4 × 3 world"), _("Russell and Norvig, Artificial Intelligence, figure 17.1"),
        1.0, {"layout": "...G/.#.X/S...", "slip": 0.2, "step_reward": -0.04},
    ),
    Classic(
        "four-rooms", _("Four rooms, 13 × 13"),
        _("after Sutton, Precup and Singh (1999): there a move goes astray to all three other sides"),
        0.9, {
            "layout": "/".join([
                "#############", "#S....#.....#", "#.....#.....#", "#...........#", "#.....#.....#", "#.....#.....#",
                "##.####.....#", "#.....###.###", "#.....#.....#", "#.....#.....#", "#.........G.#", "#.....#.....#",
                "#############",
            ]), "slip": 0.2, **FREE,
        },
    ),
    Classic(
        "lake", _("Frozen lake, 4 × 4"), _("Gymnasium, FrozenLake-v1 with slippery ice; pits cost nothing"),
        0.99, {"layout": "S.../.X.X/...X/X..G", "slip": 2 / 3, "pit_reward": 0.0, **FREE},
    ),
)  # fmt: skip
