"""The same recipe as a program would send it: curl, Python, shell."""

import json
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.core.text import _
from app.settings import default_data_folder


def snippets(request: Mapping[str, Any], origin: str, path: str, data: Path | None = None) -> list[tuple[str, str]]:
    """Return (label, text) of each way to ask for the same run.

    Args:
        request: the body of POST /api/v1/runs.
        origin: the server's address, such as `http://127.0.0.1:8420`.
        path: the page that shows the same recipe.
        data: the server's data folder; it is named in the snippets where it is not the default one.
    """
    folder = data if data is not None and data.resolve() != default_data_folder().resolve() else None
    return [
        (_("Link"), f"{origin}{path}"),
        ("curl", _curl(request, origin, folder)),
        ("Python", _python(request, folder)),
        ("shell", _shell(request, folder)),
    ]


def command() -> list[str]:
    """Return how the command line is called on this machine."""
    return ["rl-playground"] if shutil.which("rl-playground") else [sys.executable, "-m", "app"]


def request_of(run: Any) -> dict[str, Any]:
    """Return the body that starts a run again, every value named."""
    body = {name: getattr(run, name) for name in ("algorithm", "environment", "config", "environment_config")}
    return {**body, "total_steps": run.total_steps, "seed": run.seed}


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
    return shlex.join([*words, *_named(data)])


def _named(data: Path | None) -> list[str]:
    return ["--data", str(data)] if data else []
