"""The web application: API, pages and static files behind the guard."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.core.text import _
from app.protocol.base import Problem
from app.web import (
    api_catalog,
    api_plays,
    api_preferences,
    api_run_data,
    api_runs,
    api_solutions,
    api_studies,
    assets,
    pages,
    problems,
    stream,
)
from app.web.context import API
from app.web.guard import Guard
from app.web.services import Playground

VERSION = "1"
DESCRIPTION = _(
    "Everything the pages do. Numbers that are not finite are refused going in and are null coming out. "
    "Unknown fields and unknown query parameters are refused. Errors are problem details (RFC 9457)."
)
TAGS = [
    {"name": "catalogue", "description": _("What can be trained on what.")},
    {"name": "runs", "description": _("Start, watch, change, fork, stop.")},
    {"name": "data", "description": _("What a run leaves behind.")},
    {"name": "preferences", "description": _("Which of two things that a run made is better.")},
    {"name": "studies", "description": _("Questions that several runs answer.")},
    {"name": "stream", "description": _("What happens, as it happens.")},
]


def create_app(playground: Playground) -> FastAPI:
    """Return the application. Its start begins the loading of the catalogue and the queue; closing is the caller's."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        playground.start()
        yield

    app = FastAPI(
        title=_("RL playground"),
        version=VERSION,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.playground = playground
    for api in (api_catalog, api_solutions, api_runs, api_run_data, api_plays, api_preferences, api_studies, stream):
        app.include_router(api.router)
    app.include_router(assets.router)
    app.include_router(pages.router)
    problems.install(app)
    settings = playground.settings
    names = (settings.host, *settings.allowed_hosts)
    app.add_middleware(Guard, identity=playground.identity, names=names, body_bytes=settings.body_bytes)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with problem details where FastAPI would describe its own errors."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, tags=app.openapi_tags, routes=app.routes
        )
        components = document.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["Problem"] = problem
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
        document["paths"][f"{API}/health"]["get"]["security"] = []
        app.openapi_schema = document
    return app.openapi_schema
