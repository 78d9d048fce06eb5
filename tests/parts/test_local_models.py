"""Which local models may be named; what is done with one is in tests/bench/test_local_model.py, which needs the extra. Also app/core/folders.py."""

from pathlib import Path

import pytest

from app import catalog
from app.core.errors import InvalidInput
from app.core.folders import MODELS_VARIABLE, model_folders

NAMED = {"local_model": "tiny"}


def refusal(name: str = "tiny") -> tuple[str, str, str, str]:
    with pytest.raises(InvalidInput) as refused:
        catalog.resolve("sft", "sort_digits", config={"local_model": name})
    (found,) = refused.value.violations
    return found.where, found.value, found.rule, found.way_out


def test_folders_are_known_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, "/models/tiny, /models/small ,")
    assert model_folders() == {"tiny": Path("/models/tiny"), "small": Path("/models/small")}


def test_a_model_that_is_not_listed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MODELS_VARIABLE, raising=False)
    assert refusal() == (
        "config.local_model", "tiny", "no such model", "The operator's setting models lists none; leave it empty.",
    )  # fmt: skip
    monkeypatch.setenv(MODELS_VARIABLE, "/models/small")
    assert "Choose one of small" in refusal()[3]


@pytest.mark.parametrize("name", ["/etc", "../tiny", "a/b", "x" * 97])
def test_a_path_is_no_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, "/models/tiny")
    assert refusal(name)[0] == "config.local_model"


def test_without_the_extra_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, "/models/tiny")
    monkeypatch.setattr("app.parts.extras.find_spec", lambda name: None)
    assert refusal()[2:] == (
        "needs the extra transformers, which is not installed",
        "Install it where the playground is installed: pip install -e '.[transformers]'.",
    )


def test_a_folder_without_a_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny").mkdir()
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "tiny"))
    monkeypatch.setattr("app.parts.extras.find_spec", lambda name: object())
    assert refusal()[2] == "its folder holds no config.json"
