"""docs/reference/api.md: every route of the published OpenAPI document, and the shapes it takes and answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.handlers.openapi import published
from chalicelib.handlers.routes import ROUTES
from infra.docs.tables import code, codes, made_from, table

Json = Mapping[str, Any]
SOURCES = ("chalicelib/handlers/routes.py", "chalicelib/handlers/answers.py")
PARTS = {
    "/v1/admin": "For operators",
    "/v1/maintenance": "For operators",
    "/v1/": "For accounts and the SaaS",
    "/": "Without a token of an account",
}
"""The beginning of a path → the part of the page. The first that fits; what is longest comes first."""
OPEN = ("/v1/openapi.json", "/v1/page-codes/exchange")


def page() -> str:
    document = published(ROUTES)
    return "\n".join(_lines(document)).rstrip() + "\n"


def _lines(document: Json) -> Iterator[str]:
    yield f"# The API\n\n{made_from(*SOURCES)}\n"
    yield f"The document itself is `GET /v1/openapi.json`. {document['info']['description']}\n"
    yield "Refusals are listed in [problems](problems.md); each route names those that are its own.\n"
    operations = list(_operations(document))
    for part in dict.fromkeys(PARTS.values()):
        found = [one for one in operations if _part(one[0]) == part]
        if found:
            yield f"## {part}\n"
        for path, method, operation in found:
            yield from _operation(path, method, operation)
    yield "## Shapes\n\nWhat stands in **bold** is always there.\n"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield from _shape(name, schema)


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _part(path: str) -> str:
    if path in OPEN:
        return PARTS["/"]
    return next(part for start, part in PARTS.items() if path.startswith(start))


def _operation(path: str, method: str, operation: Json) -> Iterator[str]:
    yield f"### {code(f'{method} {path}')}\n"
    yield f"{operation['summary']} {operation.get('description', '')}".rstrip() + "\n"
    asked = [_parameter(one) for one in operation.get("parameters", ()) if "$ref" not in one]
    shared = [
        one["$ref"].rsplit("/", 1)[1] for one in operation.get("parameters", ()) if "$ref" in one
    ]
    if asked:
        yield "\n".join(asked) + "\n"
    if shared:
        yield f"It also takes {codes(shared)}.\n"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if body:
        yield f"Takes {_type(body['schema'])}.\n"
    yield from _answers(operation["responses"])


def _parameter(one: Json) -> str:
    return f"- {code(one['name'])} ({one['in']}): {one.get('description', '')}"


def _answers(responses: Json) -> Iterator[str]:
    for status, answer in responses.items():
        if status.startswith("2"):
            content = answer.get("content", {}).get("application/json", {})
            yield f"Answers {status} with {_type(content.get('schema', {'type': 'object'}))}.\n"
    refused = [
        f"{status} {codes(answer['content']['application/problem+json']['examples'])}"
        for status, answer in responses.items()
        if not status.startswith("2")
    ]
    if refused:
        yield f"Refuses with {'; '.join(refused)}.\n"


def _shape(name: str, schema: Json) -> Iterator[str]:
    yield f"### {name}\n"
    if schema.get("description"):
        yield f"{' '.join(schema['description'].split())}\n"
    needed = set(schema.get("required", ()))
    rows = [
        (f"**{code(key)}**" if key in needed else code(key), _type(one), one.get("description", ""))
        for key, one in schema.get("properties", {}).items()
    ]
    yield table(("field", "type", "what it is"), rows) if rows else f"{_type(schema)}\n"


def _type(schema: Json) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " \\| ".join(map(code, schema["enum"])).replace("\\|", "or")
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return f"{_format(schema) or kind}{_bounds(schema)}"


def _format(schema: Json) -> str | None:
    return {"date-time": "instant"}.get(schema.get("format", ""))


def _bounds(schema: Json) -> str:
    said = {
        "minimum": "at least",
        "maximum": "at most",
        "maxItems": "at most",
        "maxLength": "up to",
    }
    if schema.get("format") == "date-time":
        return ""
    found = [f"{word} {schema[name]:,}" for name, word in said.items() if name in schema]
    return f", {', '.join(found)}" if found else ""
