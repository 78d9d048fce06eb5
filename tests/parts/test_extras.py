"""An environment says which extra it needs and how to install it."""

from app.parts.extras import needs


def test_what_is_installed_is_not_missing() -> None:
    assert needs("json", "anything")() is None


def test_what_is_missing_names_the_install_command() -> None:
    absence = needs("no_such_module", "mujoco")()
    assert absence is not None
    rule, way_out = absence
    assert "extra mujoco" in rule
    assert "pip install -e '.[mujoco]'" in way_out
