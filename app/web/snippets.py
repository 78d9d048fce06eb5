"""The same recipe as a program would send it: curl, Python, shell; what was changed while a run went on follows as comments."""

import json
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.core.text import _
from app.settings import default_data_folder


def snippets(
    request: Mapping[str, Any],
    origin: str,
    *,
    path: str,
    data: Path | None = None,
    later: Sequence[str] = (),
    edits: Sequence[tuple[int | None, Mapping[str, Any]]] = (),
) -> list[tuple[str, str]]:
    """Return (label, text) of each way to ask for the same run.

    Args:
        request: the body of POST /api/v1/runs.
        origin: the server's address, such as `http://127.0.0.1:8420`.
        path: the page that shows the same recipe.
        data: the server's data folder; it is named in the snippets where it is not the default one.
        later: sentences on what the request alone does not repeat.
        edits: (step, body of PATCH /api/v1/runs/{id}) of what was changed while the run went on; None: not in effect yet.
    """
    folder = data if data is not None and data.resolve() != default_data_folder().resolve() else None
    change = (_("Changed while it went on; send the same at the same step:"),) if edits else ()
    notes = [*later, *change]
    bodies = [(_step(step), json.dumps(body, ensure_ascii=False)) for step, body in edits]
    patches = [f"{step}: PATCH {origin}/api/v1/runs/ID {text}" for step, text in bodies]
    calls = [f"{_step(step)}: playground.patch(run.id, {_arguments(body)})" for step, body in edits]
    return [
        (_("Link"), f"{origin}{path}"),
        ("curl", _curl(request, origin, folder) + _comments([*notes, *patches])),
        ("Python", _python(request, folder) + _comments([*notes, *calls])),
        ("shell", _shell(request, folder) + _comments([*notes, *patches])),
    ]


def command() -> list[str]:
    """Return how the command line is called on this machine."""
    return ["rl-playground"] if shutil.which("rl-playground") else [sys.executable, "-m", "app"]


def request_of(run: Any) -> dict[str, Any]:
    """Return the body that starts a run again as it was started, every value named.

    Args:
        run: its row, whose `config` and `environment_config` are those of the start.
    """
    body = {name: getattr(run, name) for name in ("algorithm", "environment", "config", "environment_config")}
    body |= {"total_steps": run.total_steps, "seed": run.seed}
    return body if run.speed is None else {**body, "speed": run.speed}


def of_run(run: Any, made: Sequence[Mapping[str, Any]], *, origin: str, data: Path) -> list[tuple[str, str]]:
    """Return the snippets of a run as it was started, and what was changed since.

    Args:
        run: its row.
        made: its stored edits, in the order they were made.
        origin: the server's address.
        data: the server's data folder.
    """
    names = {"config": "config", "environment": "environment_config"}
    edits = [
        (edit["step"], {names[edit["kind"]]: dict(edit["config"])})
        for edit in made
        if edit["refused"] is None and edit["kind"] in names
    ]
    path = f"/runs/{run.id}"
    return snippets(request_of(run), origin, path=path, data=data, later=_origin(run), edits=edits)


def _origin(run: Any) -> list[str]:
    """Say what a fork's request leaves out: the checkpoint it went on from."""
    if run.parent_run is None:
        return []
    text = _(
        "It went on from checkpoint {checkpoint} of run {run}; this starts the same settings from their beginning."
    )
    return [text.format(checkpoint=run.parent_checkpoint, run=run.parent_run)]


def _step(step: int | None) -> str:
    return _("soon") if step is None else _("step {step}").format(step=step)


def _arguments(body: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in body.items())


def _comments(lines: Sequence[str]) -> str:
    return "".join(f"\n# {line}" for line in lines)


def _curl(request: Mapping[str, Any], origin: str, data: Path | None) -> str:
    body = json.dumps(request, ensure_ascii=False)
    token = shlex.join([*command(), "token", *_named(data)])
    return (
        f"curl -X POST {origin}/api/v1/runs \\\n"
        f'  -H "Authorization: Bearer $({token})" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )


def _python(request: Mapping[str, Any], data: Path | None) -> str:
    found = f"data={str(data)!r}" if data else ""
    first = f"{request['algorithm']!r}, {request['environment']!r}"
    rest = "".join(
        f",\n    {key}={value!r}" for key, value in request.items() if key not in {"algorithm", "environment"}
    )
    return (
        "from app.client import Playground\n\n"
        f"playground = Playground({found})\n"
        f"run = playground.create(\n    {first}{rest},\n)\n"
        "run = playground.wait(run.id)\n"
        'print(playground.metrics(run.id, names=["rollout/episode_return"]))'
    )


def _shell(request: Mapping[str, Any], data: Path | None) -> str:
    words = [*command(), "train", str(request["environment"]), str(request["algorithm"])]
    for option, key in (("--set", "config"), ("--env", "environment_config")):
        for name, value in request.get(key, {}).items():
            words += [option, f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    for option, key in (("--preset", "preset"), ("--steps", "total_steps"), ("--seed", "seed"), ("--name", "name")):
        if key in request:
            words += [option, str(request[key])]
    if request.get("speed") is not None:
        words += ["--speed", f"{request['speed']:g}"]
    return shlex.join([*words, *_named(data)])


def _named(data: Path | None) -> list[str]:
    return ["--data", str(data)] if data else []
