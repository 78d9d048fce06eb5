"""The command line."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app import cli
from app.client import NoServer
from app.core.errors import InvalidInput
from app.protocol.runs import Run
from app.settings import Settings
from app.store import runs, series
from app.store.database import Store
from app.store.lock import DataFolderLock
from app.web.identity import Identity


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RL_PLAYGROUND_DATA", str(tmp_path))
    return tmp_path


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(cli.app, arguments)


def test_train_needs_no_server_and_keeps_what_it_did(data: Path) -> None:
    result = invoke("train", "CliffWalking-v1", "q_learning", "--set", "alpha=.5", "--steps", "2000", "--seed", "1")
    assert result.exit_code == 0, result.output
    assert "finished" in result.stdout
    assert "2,000" in result.stdout
    store = Store(data)
    with store.read() as connection:
        row = runs.get(connection, 1)
        names = series.names(connection, 1)
    store.close()
    assert row is not None
    assert (row.state, row.step, row.seed, row.config["alpha"]) == ("finished", 2000, 1, 0.5)
    assert "rollout/episode_return" in names


def test_a_stage_goes_on_from_the_model_of_a_run(data: Path) -> None:
    sizes = [text for name in ("d_model=16", "n_layers=1", "n_heads=2") for text in ("--set", name)]
    assert invoke("train", "sort_digits", "sft", *sizes, "--set", "batch_size=8", "--steps", "1").exit_code == 0
    small = ("--set", "n_prompts=2", "--set", "group_size=2", "--steps", "1")
    result = invoke("train", "sort_digits", "grpo_language", *small, "--from", "1")
    assert result.exit_code == 0, result.output
    store = Store(data)
    with store.read() as connection:
        row = runs.get(connection, 2)
    store.close()
    assert row is not None
    assert (row.state, row.parent_run, row.config["d_model"]) == ("finished", 1, 16)
    refused = invoke("train", "reverse", "grpo_language", "--from", "1")
    assert isinstance(refused.exception, InvalidInput)
    assert "run 1 is on sort_digits" in str(refused.exception)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sort_digits", "sft", "--from", "one"), "must be a run's number"),
        (("CliffWalking-v1", "no_such"), "no such algorithm"),
        (("no-such", "q_learning"), "no such environment"),
        (("CartPole-v1", "q_learning"), "does not fit"),
        (("CliffWalking-v1", "q_learning", "--set", "alpha=2"), "must be ≤ 1"),
        (("CliffWalking-v1", "q_learning", "--set", "alpha=nan"), "finite"),
        (("CliffWalking-v1", "q_learning", "--set", "alpha=1e400"), "--set alpha=1e400: must be a finite number"),
        (("CliffWalking-v1", "q_learning", "--set", "alpha=[NaN]"), "finite"),
        (("CliffWalking-v1", "q_learning", "--set", "alpha"), "name=value"),
        (("CliffWalking-v1", "q_learning", "--env", "wind=1"), "unknown name"),
        (("CliffWalking-v1", "q_learning", "--steps", "-3"), "total_steps=-3: must be ≥ 1. The smallest"),
        (("Cliff:Walking", "q_learning"), "environment"),
    ],
)
def test_train_refuses_bad_input_before_anything_starts(data: Path, arguments: tuple[str, ...], words: str) -> None:
    result = invoke("train", *arguments)
    assert isinstance(result.exception, InvalidInput)
    assert words in str(result.exception)


def test_our_errors_are_one_line(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["rl-playground", "train", "CliffWalking-v1", "no_such"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("error: algorithm=no_such")
    assert error.count("\n") == 1


def test_token_is_stable_and_url_needs_a_server(data: Path) -> None:
    first, second = invoke("token"), invoke("token")
    assert first.stdout == second.stdout
    assert (data / "token").read_text() == first.stdout
    assert "no server" in str(invoke("token", "--url").exception)


def test_token_url_is_a_code_that_the_server_takes(data: Path) -> None:
    secret = invoke("token").stdout.strip()
    with DataFolderLock(data) as lock:
        lock.write_owner(url="http://127.0.0.1:8420", instance="this start")
        link = invoke("token", "--url").stdout.strip()
    base, _question, code = link.partition("?code=")
    assert base == "http://127.0.0.1:8420/enter"
    assert Identity(secret, "this start").redeem(code)


def test_doctor_names_what_matters(data: Path) -> None:
    result = invoke("doctor")
    assert result.exit_code == 0
    for word in ("Python", "torch", "SQLite", "Cores", str(data), "Free disk", "kernels"):
        assert word in result.stdout


def test_doctor_makes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet"
    assert "not made yet" in invoke("doctor", "--data", str(folder)).stdout
    assert not folder.exists()


def test_serving_beyond_this_machine_is_refused_with_a_way_out(data: Path) -> None:
    refused = str(invoke("serve", "--host", "0.0.0.0", "--port", "8433").exception)
    assert "only this machine" in refused
    assert "ssh -L 8433:127.0.0.1:8433" in refused


def test_options_before_a_command_are_not_lost_in_silence(data: Path, tmp_path: Path) -> None:
    assert "doctor listens nowhere" in str(invoke("--port", "9000", "doctor").exception)
    assert str(tmp_path / "elsewhere") in invoke("--data", str(tmp_path / "elsewhere"), "doctor").stdout
    refused = str(invoke("--host", "0.0.0.0", "--port", "8433", "serve").exception)
    assert "ssh -L 8433:127.0.0.1:8433" in refused


def test_a_token_makes_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "mistyped"
    refused = str(invoke("token", "--data", str(folder)).exception)
    assert "there is no such folder" in refused
    assert "rl-playground serve --data" in refused
    assert not folder.exists()


def test_a_stopped_training_says_how_to_go_on(data: Path, capsys: pytest.CaptureFixture[str], run: Run) -> None:
    cli._print_way_on(run, Settings(data=data / "a b"))
    said = capsys.readouterr().err
    assert f"Run {run.id} was stopped at step 1,234" in said
    assert f"rl-playground serve --data '{data}/a b', then Fork on its page /runs/{run.id}" in said
    with DataFolderLock(data) as lock:
        lock.write_owner(url="http://127.0.0.1:8420", instance="this start")
        cli._print_way_on(run, Settings(data=data))
    assert f"open http://127.0.0.1:8420/runs/{run.id} and press Fork" in capsys.readouterr().err


@pytest.fixture
def run() -> Run:
    return Run(
        id=7, name="", tags=[], algorithm="q_learning", environment="FrozenLake-v1", environment_config={}, config={},
        seed=0, state="stopped", attempt=1, step=1234, total_steps=2000, progress=0.6, created="2026-01-01",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("true", True),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ("4x4", "4x4"),
        ("S.G/#..", "S.G/#.."),
        ('{"0,1": 2}', {"0,1": 2}),
    ],
)
def test_values_are_read_as_what_they_look_like(text: str, value: Any) -> None:
    assert cli._value(text) == value


def test_a_recipe_is_started_on_a_server_alone(data: Path) -> None:
    result = invoke("study", "ceiling", "--seed", "1")
    assert isinstance(result.exception, NoServer)
