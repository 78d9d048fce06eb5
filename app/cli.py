# house: parameters: the options of a command are its parameters
"""The command line: serve (what it does without a command), train, token, doctor."""

import json
import math
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from app.core.errors import InvalidInput, PlaygroundError
from app.core.folders import KERNELS_VARIABLE
from app.core.refusals import violations
from app.core.text import _
from app.protocol.base import PATTERNS
from app.protocol.local import ensure_token, read_owner
from app.protocol.runs import TERMINAL, ForkRequest, Run, RunCreate
from app.settings import DEFAULT_PORT, Settings

app = typer.Typer(add_completion=False, no_args_is_help=False, pretty_exceptions_enable=False, help=__doc__)

Data = Annotated[Path | None, typer.Option("--data", help=_("Data folder. Default: in the user's data folder."))]
Host = Annotated[
    str | None, typer.Option("--host", help=_("Address of this machine to listen on. Default: 127.0.0.1."))
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", min=1, max=65535, help=_("Port. Default: {port} or the next free one.").format(port=DEFAULT_PORT)
    ),
]
Open = Annotated[bool, typer.Option("--open", help=_("Open the browser."))]
POLL_S = 0.1
STUDY_POLL_S = 1.0
SHOWN = ("rollout/ep_rew_mean", "eval/mean_reward", "tabular/greedy_return", "tabular/value_error_max", "time/fps")


def main() -> None:
    """Run the command line; one of our own errors is one line and exit status 1."""
    try:
        app()
    except PlaygroundError as error:
        typer.echo(_("error: {text}").format(text=error), err=True)
        sys.exit(1)


@app.callback(invoke_without_command=True)
def default(
    context: typer.Context, host: Host = None, port: Port = None, data: Data = None, open: Open = False
) -> None:
    """Watch reinforcement learning happen. Without a command: serve."""
    command = context.invoked_subcommand
    context.obj = {"host": host, "port": port, "data": data, "open": open}  # given before the command
    if command is None:
        serve(context)
    elif command != "serve" and (host is not None or port is not None or open):
        rule = _("{command} listens nowhere").format(command=command)
        raise InvalidInput.one("options", "--host, --port, --open", rule, _("Leave them out; --data may stay."))


@app.command()
def serve(context: typer.Context, host: Host = None, port: Port = None, data: Data = None, open: Open = False) -> None:
    """Serve the pages and the API."""
    settings = _settings(context, host=host, port=port, data=data)
    open = open or context.obj["open"]
    _use_kernel_cache(settings)
    from app.web import server

    def announce(entrance: str) -> None:
        typer.echo(_("RL playground: {url}\nThe link works once; Ctrl-C stops the server.").format(url=entrance))

    try:
        server.serve(settings, open_browser=open, announce=announce)
    except (KeyboardInterrupt, SystemExit) as error:  # how a signal ends it; everything is closed by now
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(getattr(error, "code", 0) or 0))  # taking torch down module by module would add seconds


@app.command()
def train(  # the parameters are the command's options
    context: typer.Context,
    environment: Annotated[str, typer.Argument(help=_("Id, for example CliffWalking-v1."))],
    algorithm: Annotated[str, typer.Argument(help=_("Id, for example q_learning."))],
    set: Annotated[
        list[str] | None, typer.Option("--set", help=_("Hyperparameter, name=value; may be repeated."))
    ] = None,
    env: Annotated[list[str] | None, typer.Option("--env", help=_("Option of the environment, name=value."))] = None,
    steps: Annotated[int | None, typer.Option("--steps", help=_("Budget. Default: the preset's."))] = None,
    seed: Annotated[int, typer.Option("--seed", help=_("The run's randomness."))] = 0,
    preset: Annotated[str | None, typer.Option("--preset", help=_("Base of the configuration."))] = None,
    name: Annotated[str, typer.Option("--name", help=_("Name of the run."))] = "",
    speed: Annotated[
        float | None, typer.Option("--speed", help=_("Steps a second at most. Default: no limit."))
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option("--from", help=_("Run to start from, number or number:checkpoint: its model or its state.")),
    ] = None,
    data: Data = None,
) -> None:
    """Train one run to its end. No server is needed; one that owns the data folder is used."""
    settings = _settings(context, data=data)
    _use_kernel_cache(settings)
    request = _request(
        algorithm=algorithm,
        environment=environment,
        config=_pairs("--set", set),
        environment_config=_pairs("--env", env),
        total_steps=steps,
        seed=seed,
        preset=preset,
        name=name,
        speed=speed,
    )
    run = _train(settings, request, _source(origin, request) if origin is not None else None)
    _print_result(run)
    if run.state == "stopped":
        _print_way_on(run, settings)
    if run.state == "failed":
        raise typer.Exit(1)


@app.command()
def study(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help=_("Id of a recipe, for example something_to_reinforce."))],
    seeds: Annotated[
        list[int] | None, typer.Option("--seed", min=0, help=_("A seed; may be repeated. Default: the recipe's."))
    ] = None,
    data: Data = None,
) -> None:
    """Start a recipe on the running server, wait for its runs, and print what they reached. Ctrl-C leaves them running."""
    from app.client import Playground as Client

    with Client(data=_settings(context, data=data).data) as client:
        found = client.start_study(recipe, seeds=seeds)
        typer.echo(f"{client.url}{found.links['page']}", err=True)
        while found.state == "running":
            time.sleep(STUDY_POLL_S)
            found = client.study(found.id)
    for stage in found.stages:
        shares = "  ".join(f"pass@{k} {100 * at.mean:5.1f} %" for k, at in stage.pass_at.items() if k in (1, 4, 16, 64))
        typer.echo(f"{stage.label:<28} {shares or _('nothing was measured')}")
    for one in found.expected:
        typer.echo(f"{ {True: _('seen'), False: _('NOT seen'), None: _('unknown')}[one.is_reached]:<9} {one.words}")


@app.command()
def token(
    context: typer.Context,
    url: Annotated[bool, typer.Option("--url", help=_("Print a fresh link to the running server instead."))] = False,
    data: Data = None,
) -> None:
    """Print the token for programs, or a fresh link for the browser."""
    from app.web.identity import code_signer, make_code

    folder = _settings(context, data=data).data.expanduser().absolute()
    if not folder.is_dir():
        way_out = _("Check the name, or make the folder with `rl-playground serve --data {folder}`.")
        raise InvalidInput.one("data", folder, _("there is no such folder"), way_out.format(folder=folder))
    secret = ensure_token(folder)
    if not url:
        typer.echo(secret)
        return
    owner = read_owner(folder)
    if owner is None or not owner.url:
        raise InvalidInput.one("data", folder, _("no server owns this folder"), _("Start one with `rl-playground`."))
    typer.echo(f"{owner.url}/enter?code={make_code(code_signer(secret, owner.instance))}")


@app.command()
def doctor(context: typer.Context, data: Data = None) -> None:
    """Print what matters when something does not work: versions, cores, folders, disk."""
    from app.store.database import SQLITE_FLOOR, sqlite_module
    from app.store.disk import file_system

    settings = _settings(context, data=data)
    folder = settings.data.expanduser().absolute()
    near = next(path for path in (folder, *folder.parents) if path.exists())
    sqlite = sqlite_module()
    is_sound = sqlite.sqlite_version_info >= SQLITE_FLOOR
    owner = read_owner(folder)
    kernels = Path(os.environ.get(KERNELS_VARIABLE) or folder / "kernels")
    compiled = sum(1 for _path in kernels.rglob("*.nbc")) if kernels.is_dir() else 0
    facts = {
        _("Python"): f"{sys.version.split()[0]} ({sys.executable})",
        **{
            package: _version(package)
            for package in ("rl-playground", "torch", "numba", "numpy", "gymnasium", "fastapi")
        },
        _("SQLite"): f"{sqlite.sqlite_version} ({_('sound') if is_sound else _('older than advised')})",
        _("Cores"): str(os.cpu_count()),
        _("Runs at once"): str(settings.running_limit),
        _("Data folder"): f"{folder} ({file_system(near) or '?'}{'' if folder.exists() else ', ' + _('not made yet')})",
        _("Free disk"): f"{shutil.disk_usage(near).free / 1e9:.1f} GB",
        _("Compiled kernels"): f"{compiled} ({kernels})",
        _("Server"): owner.url if owner and owner.url else _("none"),
    }
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        typer.echo(f"{name:<{width}}  {value}")


def _train(settings: Settings, request: RunCreate, source: tuple[int, ForkRequest] | None) -> Run:
    """Train here where the folder is free, else through the server that owns it; with a source, go on from that run."""
    from app.client import Playground as Client
    from app.store.lock import FolderInUse
    from app.web.opening import opened

    try:
        with opened(settings.model_copy(update={"keep_spare": False})) as playground:
            playground.start()
            if source:
                _check_world(playground.run(source[0]), request)
            run = playground.fork(*source) if source else playground.create_run(request)
            return _follow(run, lambda: playground.run(run.id), lambda: playground.act(run.id, "stop"))
    except FolderInUse:
        owner = read_owner(settings.data)
        if owner is None or not owner.url:
            raise
    typer.echo(_("The server at {url} owns the data folder and trains it.").format(url=owner.url), err=True)
    with Client(owner.url, data=settings.data) as client:
        options = request.model_dump(exclude={"algorithm", "environment"}, exclude_none=True)
        if source:
            _check_world(client.run(source[0]), request)
            run = client.fork(source[0], **source[1].model_dump(exclude_none=True))
        else:
            run = client.create(request.algorithm, request.environment, **options)
        return _follow(run, lambda: client.run(run.id), lambda: client.stop(run.id))


def _source(origin: str, request: RunCreate) -> tuple[int, ForkRequest]:
    """Return the run to go on from, and how."""
    run, _colon, checkpoint = origin.partition(":")
    if not (run.isascii() and run.isdecimal()):
        raise InvalidInput.one("--from", origin, _("must be a run's number, or number:checkpoint"), _("For example 7."))
    fork = ForkRequest(
        checkpoint=checkpoint or None, algorithm=request.algorithm, preset=request.preset, config=request.config,
        seed=request.seed, total_steps=request.total_steps, name=request.name or None,
    )  # fmt: skip
    return int(run), fork


def _check_world(parent: Run, request: RunCreate) -> None:
    if (parent.environment, {}) != (request.environment, request.environment_config):
        rule = _("run {id} is on {environment}, and so is what goes on from it").format(
            id=parent.id, environment=parent.environment
        )
        raise InvalidInput.one("environment", request.environment, rule, _("Name that one, without --env."))


def _follow(run: Run, read: Callable[[], Run], stop: Callable[[], object]) -> Run:
    """Draw a progress bar until the run has ended; Ctrl-C stops the run, a second one leaves."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    is_stopping = False
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(f"#{run.id} {run.state}", total=run.total_steps)
        while run.state not in TERMINAL:
            try:
                time.sleep(POLL_S)
                run = read()
                progress.update(bar, completed=run.step, description=f"#{run.id} {run.state}")
            except KeyboardInterrupt:
                if is_stopping:
                    raise
                is_stopping = True
                stop()
    return run


def _print_result(run: Run) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"#{run.id} {run.algorithm} · {run.environment} · seed {run.seed}", title_justify="left")
    table.add_column(_("What"))
    table.add_column(_("Value"), justify="right")
    table.add_row(_("State"), run.state + (f": {run.reason}" if run.reason else ""))
    table.add_row(_("Steps"), f"{run.step:,}")
    table.add_row(_("Training time"), f"{run.clock_s:.2f} s")
    if run.best:
        table.add_row(_("Best evaluation"), f"{run.best['value']:.4g} @ {run.best['step']:,}")
    for name in SHOWN:
        value = run.latest.get(name)
        if value is not None:
            table.add_row(name, f"{value:,.6g}")
    Console().print(table)


def _print_way_on(run: Run, settings: Settings) -> None:
    """Say how to go on from where a run was stopped."""
    owner = read_owner(settings.data.expanduser().absolute())
    text = _("Run {id} was stopped at step {step:,}; its state is saved. To go on from there: {command}")
    is_default = settings.data == Settings.model_fields["data"].get_default(call_default_factory=True)
    folder = "" if is_default else f" --data {shlex.quote(str(settings.data))}"
    page = _("open {url} and press Fork").format(url=f"{owner.url}/runs/{run.id}") if owner and owner.url else ""
    command = page or _("rl-playground serve{folder}, then Fork on its page /runs/{id}").format(
        folder=folder, id=run.id
    )
    typer.echo(text.format(id=run.id, step=run.step, command=command), err=True)


def _settings(context: typer.Context, **given: Any) -> Settings:
    """Return the settings with the options given after the command, or else before it."""
    given = {name: context.obj[name] if value is None else value for name, value in given.items()}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise InvalidInput(violations(error, "settings")) from None


def _request(**fields: Any) -> RunCreate:
    try:
        return RunCreate(**fields)
    except ValidationError as error:
        raise InvalidInput(violations(error, "run", PATTERNS)) from None


def _pairs(option: str, texts: list[str] | None) -> dict[str, Any]:
    """Return name → value of `name=value` texts."""
    pairs = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InvalidInput.one(option, text, _("must read name=value"), _("For example alpha=0.5."))
        try:
            pairs[name.strip()] = _value(value.strip())
        except InvalidInput as error:
            raise InvalidInput([replace(item, where=f"{option} {name.strip()}") for item in error.violations]) from None
    return pairs


def _value(text: str) -> Any:
    """Return a number, true, false, null, a list or an object where the text is one, else the text.

    Raises:
        InvalidInput: a number that is not finite.
    """
    for read in (int, _finite, lambda text: json.loads(text, parse_float=_finite, parse_constant=_finite)):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InvalidInput.one("value", text, _("must be a finite number"), _("For example alpha=0.5."))
    return number


def _use_kernel_cache(settings: Settings) -> None:
    """Keep compiled kernels in the data folder; must precede the import of any kernel."""
    os.environ.setdefault(KERNELS_VARIABLE, str(settings.data.expanduser().absolute() / "kernels"))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return _("not installed")
