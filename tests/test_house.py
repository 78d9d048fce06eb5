"""The rules of the house, kept by the build: one-way imports, one discoverer, mirrored tests, sizes, and nothing undocumented."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from app import catalog
from app.core import scalars, signals
from app.core.config import hyper_of
from app.web.app import create_app
from tests.web.conftest import close, make_playground

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "app"
MODULES = sorted(path for path in APP.rglob("*.py") if "migrations" not in path.parts and "_web" not in path.parts)
ALGORITHM_FILES = [p for p in (APP / "algorithms").rglob("*.py") if p.name != "__init__.py"]
FUNCTION_LINES, FILE_LINES, ALGORITHM_LINES, PARAMETERS = 60, 400, 200, 6
SCRIPT_LINES, STYLE_LINES = 150, 300


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def excused(path: Path, rule: str) -> bool:
    """A file may break a size rule with a first line `# house: <rule>: <reason>`."""
    return path.read_text().startswith(f"# house: {rule}: ")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_top_level_holds_only_what_it_should() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    found = {name.split("/")[0] for name in listed}
    assert found <= {"pyproject.toml", "README.md", "app", "static", "templates", "tests", ".ci", ".gitignore"}


def test_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_algorithms_never_import_each_other() -> None:
    for path in ALGORITHM_FILES:
        own = "app.algorithms"
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith(own) for name in names), f"{relative(path)} imports another algorithm"


def test_only_the_catalogue_discovers() -> None:
    for path in MODULES:
        text = path.read_text()
        if path.name != "catalog.py":
            assert "pkgutil" not in text, f"{relative(path)} discovers modules; only catalog.py may"


def test_every_module_says_what_it_is() -> None:
    for path in MODULES:
        if path.read_text().strip():
            assert ast.get_docstring(ast.parse(path.read_text())), f"{relative(path)} has no module docstring"


def test_tests_mirror_the_application() -> None:
    """Every module with code of its own has a test file of its name, or a test file that names it in its docstring."""
    missing = []
    docstrings = " ".join(
        ast.get_docstring(ast.parse(path.read_text())) or "" for path in (ROOT / "tests").rglob("*.py")
    )
    for path in MODULES:
        inside = path.relative_to(APP)
        if path.name in {"__init__.py", "__main__.py"} or not any(True for _ in functions(path)):
            continue
        mirror = ROOT / "tests" / inside.parent / f"test_{path.name}"
        if not mirror.exists() and f"app/{inside.as_posix()}" not in docstrings:
            missing.append(relative(path))
    assert not missing, f"no test mirrors {missing}"


def test_functions_and_files_keep_their_size() -> None:
    lengths, problems = [], []
    for path in MODULES:
        if len(path.read_text().splitlines()) > FILE_LINES and not excused(path, "file"):
            problems.append(f"{relative(path)}: over {FILE_LINES} lines")
        for node in functions(path):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            lengths.append(length)
            if length > FUNCTION_LINES and not excused(path, "function"):
                problems.append(f"{relative(path)}: {node.name} has {length} lines")
    assert not problems, "\n".join(problems)
    assert sorted(lengths)[int(len(lengths) * 0.9)] <= 40


@pytest.mark.parametrize(("kind", "limit"), [("js", SCRIPT_LINES), ("css", STYLE_LINES)])
def test_scripts_and_styles_keep_their_size(kind: str, limit: int) -> None:
    lengths = {
        relative(path): len(path.read_text().splitlines()) for path in (ROOT / "static" / kind).rglob(f"*.{kind}")
    }
    assert lengths
    assert {name: length for name, length in lengths.items() if length > limit} == {}


def test_functions_take_few_parameters() -> None:
    problems = []
    for path in MODULES:
        for node in functions(path):
            is_kernel = any(getattr(decorator, "id", "") == "kernel" for decorator in node.decorator_list)
            count = len(node.args.posonlyargs + node.args.args + node.args.kwonlyargs)
            first = getattr((node.args.posonlyargs + node.args.args or [ast.arg("")])[0], "arg", "")
            count -= first in {"self", "cls"}
            if count > PARAMETERS and not is_kernel and not excused(path, "parameters"):
                problems.append(f"{relative(path)}: {node.name} takes {count}")
    assert not problems, "\n".join(problems)


def code_lines(path: Path) -> int:
    """Lines without blanks, comments, docstrings, the Config class and the SPEC."""
    tree = ast.parse(path.read_text())
    skipped: set[int] = set()
    for node in ast.walk(tree):
        span = range(getattr(node, "lineno", 0), (getattr(node, "end_lineno", 0) or 0) + 1)
        is_config = isinstance(node, ast.ClassDef) and node.name.endswith("Config")
        is_spec = isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "SPEC" for t in node.targets)
        is_text = (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        )
        if is_config or is_spec or is_text:
            skipped.update(span)
    lines = enumerate(path.read_text().splitlines(), 1)
    return sum(1 for n, line in lines if n not in skipped and line.strip() and not line.strip().startswith("#"))


@pytest.mark.parametrize("path", ALGORITHM_FILES, ids=lambda path: path.stem)
def test_an_algorithm_can_be_read_whole(path: Path) -> None:
    assert code_lines(path) <= ALGORITHM_LINES or excused(path, "algorithm")


@pytest.mark.parametrize("path", ALGORITHM_FILES, ids=lambda path: path.stem)
def test_every_numbered_equation_has_its_line_of_code(path: Path) -> None:
    text = path.read_text()
    docstring = ast.get_docstring(ast.parse(text)) or ""
    equations = set(re.findall(r"\\tag\{(\d+)\}", docstring))
    marked = set(re.findall(r"# \((\d+)\)", text.split('"""', 2)[2]))
    assert equations, f"{relative(path)} numbers no equation"
    assert equations == marked, f"equations {sorted(equations)} but lines marked {sorted(marked)}"


def test_catalogue_is_consistent() -> None:
    catalog.check()
    for spec in catalog.algorithms().values():
        docstring = sys.modules[spec.agent.__module__].__doc__ or ""
        assert "What this file leaves out" in docstring
        assert "Sources" in docstring
        assert spec.summary


def test_every_hyperparameter_is_explained() -> None:
    configs = [spec.config for spec in catalog.algorithms().values()]
    configs += [spec.config for spec in catalog.environments().values()]
    configs += [spec.options for spec in catalog.panels().values()]
    for config in configs:
        for name, field in config.model_fields.items():
            assert field.description, f"{config.__name__}.{name} has no help"
            assert hyper_of(field), f"{config.__name__}.{name} is not declared with Hyper"


def test_every_scalar_and_signal_is_explained() -> None:
    for scalar in catalog.scalars().values():
        assert scalar.help
        assert scalar.label
    own = [signal for spec in catalog.algorithms().values() for signal in spec.own_signals]
    for signal in (*signals.DICTIONARY.values(), *own):
        assert signal.help, f"signal {signal.name} has no help"
    names = [scalar.name for scalar in (*scalars.SHARED, *scalars.TABULAR, *scalars.VALUE_BASED, *scalars.POLICY_BASED)]
    assert len(names) == len(set(names))


def test_every_setting_is_explained() -> None:
    from app.settings import Settings

    for name, field in Settings.model_fields.items():
        assert field.description, f"setting {name} has no help"


def test_every_public_function_is_documented() -> None:
    missing = []
    for path in MODULES:
        for node in ast.parse(path.read_text()).body:
            is_public = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if is_route(node):
                continue  # its summary and description stand in the decorator; the next test reads them
            if is_public and not node.name.startswith("_") and not ast.get_docstring(node):
                missing.append(f"{relative(path)}: {node.name}")
    assert not missing, "\n".join(missing)


def is_route(node: ast.AST) -> bool:
    """Whether a function is decorated as `@router.get(...)` or the like."""
    decorators = getattr(node, "decorator_list", [])
    return any(isinstance(d, ast.Call) and isinstance(d.func, ast.Attribute) for d in decorators)


def routes_of(routes: Iterable[Any]) -> Iterator[APIRoute]:
    """Return the routes of an application with those of its routers."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from routes_of(route.original_router.routes)


def test_every_route_is_explained(tmp_path: Path) -> None:
    playground = make_playground(tmp_path)
    routes = list(routes_of(create_app(playground).routes))
    close(playground)
    known = {"/", "/learn", "/api/v1/runs", "/api/v1/environments/{id}/solution", "/api/v1/stream"}
    assert known <= {route.path for route in routes}
    for route in routes:
        said = route.summary if route.path.startswith("/api/") else route.endpoint.__doc__
        assert said, f"{route.path} ({route.name}) is not explained"


def has_words(node: ast.AST) -> bool:
    """Whether an expression is a literal, formatted or not, that holds words of its own."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return any(re.search(r"[A-Za-z]{2}", text) for text in texts)


def refusal_words(call: ast.Call, is_door: bool) -> list[ast.expr]:
    """Return what a call says to the user: rule and way out of a violation, the sentence of a validator's ValueError."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name == "ValueError":
        return call.args[:1] if is_door else []
    if name not in {"one", "Violation"}:
        return []
    return call.args[2:] + [word.value for word in call.keywords if word.arg in {"rule", "way_out"}]


def untranslated(path: Path) -> Iterator[str]:
    """Name the refusals of a module whose words do not pass through `_()`."""
    is_door = path.is_relative_to(APP / "environments") or path.is_relative_to(APP / "algorithms")
    for function in functions(path):
        given: dict[str, list[ast.expr]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                given.setdefault(node.targets[0].id, []).append(node.value)
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            for word in refusal_words(call, is_door):
                said = given.get(word.id, []) if isinstance(word, ast.Name) else [word]
                if any(has_words(one) for one in said):
                    yield f"{relative(path)}:{word.lineno}: {ast.unparse(word)}"


def test_every_refusal_can_be_translated() -> None:
    found = sorted({where for path in MODULES for where in untranslated(path)})
    assert not found, "these words do not pass through _():\n" + "\n".join(found)


def test_nothing_third_party_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    assert not [name for name in listed if "vendor/" in name or "node_modules" in name or name.endswith(".min.js")]
    assert '"resolved"' not in (ROOT / "static" / "package-lock.json").read_text()


def test_dependencies_are_declared_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[\[<>=;]", line)[0].strip() for line in project["dependencies"]]
    assert len(names) == len(set(names))
