"""Query parameters a route knows. A misspelt filter must not silently widen a list, so anything else is refused."""

from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from chassis.problem import FieldError, known

_LONGEST_NAME = 64


def refuse_unknown_parameters(request: HTTPConnection) -> None:
    """Raises Problem 400 naming every query parameter the addressed route does not know."""
    if not request.query_params:
        return
    names = request.app.state.parameters.get(request.scope.get("endpoint"), frozenset())
    if unknown := sorted(set(request.query_params) - names):
        raise known(
            400,
            "unknown_parameter",
            errors=[
                FieldError(name[:_LONGEST_NAME], "unknown_parameter", "没有这个参数", "unknown parameter")
                for name in unknown
            ],
        )


def query_names(dependant: Dependant) -> Iterator[str]:
    """Every query parameter a route and its dependencies declare."""
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (info.alias or name for name, info in model.model_fields.items())
        else:
            yield field.alias
    for dependency in dependant.dependencies:
        yield from query_names(dependency)
