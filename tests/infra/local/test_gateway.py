"""Where API Gateway stands: events as AWS builds them, the real Chalice app behind, one request per thread."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from chalice.app import Blueprint, Chalice, Response

from infra.local.gateway import Gateway, find_route
from infra.local.messages import Request

ORIGIN = "http://127.0.0.1:8765"


@pytest.fixture
def app():
    app = Chalice("lapse-test", configure_logs=False)
    numbers = Blueprint(__name__)

    @numbers.route("/v1/numbers/{e164}", methods=["PUT", "DELETE"], content_types=["*/*"])
    def put_number(e164):
        # Long enough for every other thread to come by and set its own request.
        time.sleep(0.02)
        request = numbers.current_request
        return {
            "e164": e164,
            "named": request.uri_params,
            "body": request.json_body,
            "request": numbers.lambda_context.aws_request_id,
        }

    app.register_blueprint(numbers)

    @app.route("/echo", methods=["GET", "POST"], content_types=["*/*"])
    def echo():
        return app.current_request.to_original_event()

    @app.route("/raw", methods=["POST"], content_types=["*/*"])
    def raw():
        return {"hex": app.current_request.raw_body.hex()}

    @app.route("/page")
    def page():
        return Response("<p>", headers={"Content-Type": "text/html", "Set-Cookie": ["a=1", "b=2"]})

    @app.route("/own-id")
    def own_id():
        return Response({}, headers={"Request-Id": "mine"})

    return app


@pytest.fixture
def gateway(app):
    ids = iter(range(10_000))
    return Gateway(app, lambda: f"req-{next(ids)}", [ORIGIN])


def ask(gateway, method, path, query="", body=b"", **headers):
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return gateway.answer(Request(method, path, query, named, body))


def test_the_event_is_shaped_like_aws_shapes_it(gateway):
    request = Request(
        "POST",
        "/echo",
        "a=1&a=2&empty=",
        (("X-A", "1"), ("X-A", "2"), ("Content-Type", "application/json")),
        b'{"x": "\xc3\xa9"}',
    )

    event = gateway.answer(request).json()

    assert event["httpMethod"] == "POST"
    assert event["path"] == "/echo"
    assert event["resource"] == event["requestContext"]["resourcePath"] == "/echo"
    assert event["headers"]["X-A"] == "2"
    assert event["multiValueHeaders"]["X-A"] == ["1", "2"]
    assert event["queryStringParameters"] == {"a": "2", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "empty": [""]}
    assert event["body"] == '{"x": "é"}'
    assert event["isBase64Encoded"] is False
    assert event["requestContext"]["requestId"] == "req-0"


def test_what_is_not_there_is_null_as_in_aws(gateway):
    event = ask(gateway, "GET", "/echo").json()

    assert event["body"] is None
    assert event["queryStringParameters"] is None
    assert event["multiValueQueryStringParameters"] is None
    assert event["pathParameters"] is None


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/zip", "image/png"])
def test_bytes_that_are_no_text_arrive_exactly(gateway, kind):
    body = bytes(range(256))

    event = ask(gateway, "POST", "/echo", body=body, Content_Type=kind).json()
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == body

    raw = ask(gateway, "POST", "/raw", body=body, Content_Type=kind).json()
    assert raw["hex"] == body.hex()


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "text/plain"]
)
def test_text_arrives_exactly(gateway, kind):
    body = '{"name":  "Zoë 🙂"}\n'.encode()

    raw = ask(gateway, "POST", "/raw", body=body, Content_Type=kind).json()

    assert raw["hex"] == body.hex()


@pytest.mark.parametrize("written", ["+14155550100", "%2B14155550100"])
def test_a_path_parameter_is_handed_on_as_it_was_written(gateway, written):
    answer = ask(
        gateway, "PUT", f"/v1/numbers/{written}", body=b"{}", Content_Type="application/json"
    )

    assert answer.json()["named"] == {"e164": written}


def test_a_slash_in_an_id_stays_in_the_id(gateway):
    answer = ask(gateway, "PUT", "/v1/numbers/a%2Fb", body=b"{}", Content_Type="application/json")

    assert answer.json()["e164"] == "a%2Fb"


def test_an_unknown_path_is_a_problem(gateway):
    answer = ask(gateway, "GET", "/nothing")

    assert answer.status == 404
    assert answer.header("Content-Type") == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(problem)
    assert problem["code"] == "not_found"
    assert problem["request_id"] == answer.header("Request-Id")


def test_a_method_that_is_not_there_is_a_problem_that_names_those_that_are(gateway):
    answer = ask(gateway, "GET", "/v1/numbers/+1")

    assert answer.status == 405
    assert answer.header("Allow") == "DELETE, PUT"
    assert answer.json()["code"] == "method_not_allowed"


def test_every_answer_carries_a_request_id_and_the_apps_own_stays(gateway):
    assert ask(gateway, "GET", "/echo").header("Request-Id") == "req-0"
    assert ask(gateway, "GET", "/own-id").header("Request-Id") == "mine"


def test_several_headers_of_one_name_all_arrive(gateway):
    answer = ask(gateway, "GET", "/page")

    assert [value for name, value in answer.headers if name == "Set-Cookie"] == ["a=1", "b=2"]
    assert answer.header("Content-Type") == "text/html"
    assert answer.body == b"<p>"


def test_head_is_get_to_the_app(gateway):
    assert ask(gateway, "HEAD", "/echo").json()["httpMethod"] == "GET"


def test_a_browser_from_an_allowed_origin_may_ask(gateway):
    answer = ask(gateway, "OPTIONS", "/v1/numbers/+1", Origin=ORIGIN)

    assert answer.status == 204
    assert answer.header("Access-Control-Allow-Origin") == ORIGIN
    assert answer.header("Access-Control-Allow-Methods") == "DELETE, OPTIONS, PUT"


def test_a_browser_from_elsewhere_may_not(gateway):
    answer = ask(gateway, "OPTIONS", "/echo", Origin="https://evil.example")

    assert answer.header("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/cases", "/v1/cases"),
        ("/v1/cases/", "/v1/cases"),
        ("/v1/cases/7", "/v1/cases/{id}"),
        ("/v1/cases/open", "/v1/cases/open"),
        ("/v1/cases/7/replies", "/v1/cases/{id}/replies"),
        ("/v1/cases//replies", None),
        ("/v1", None),
        ("/", "/"),
        ("", None),
    ],
)
def test_words_win_over_parameters(path, route):
    routes = ["/", "/v1/cases/{id}", "/v1/cases", "/v1/cases/open", "/v1/cases/{id}/replies"]

    match = find_route(routes, path)

    assert (match.route if match else None) == route


def test_eight_threads_each_see_their_own_request(gateway):
    """Chalice keeps one current request per app: without a thread's own, answers go to the wrong caller."""

    def put(number):
        body = json.dumps({"number": number}).encode()
        return ask(
            gateway, "PUT", f"/v1/numbers/{number}", body=body, Content_Type="application/json"
        )

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(put, range(64)))

    seen = [answer.json() for answer in answers]
    assert [one["body"]["number"] for one in seen] == list(range(64))
    assert [one["e164"] for one in seen] == [str(number) for number in range(64)]
    assert [one["request"] for one in seen] == [answer.header("Request-Id") for answer in answers]
    assert len({one["request"] for one in seen}) == 64


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/cases", "/v1/cases"),
        ("/nothing", "/{proxy+}"),
        ("/v1/nothing/at/all", "/{proxy+}"),
        ("/v1/cases/7", "/v1/{proxy+}"),
        ("/", None),
    ],
)
def test_a_greedy_part_takes_what_no_other_route_does(path, route):
    routes = ["/v1/cases", "/{proxy+}", *(["/v1/{proxy+}"] if path == "/v1/cases/7" else [])]

    match = find_route(routes, path)

    assert (match.route if match else None) == route
