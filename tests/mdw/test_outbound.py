"""Requests of alerts and acceptance to hosts that may be hostile or broken: limited in time and bytes, never
redirected."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mdw.acceptance import airflow
from mdw.alerting import channels
from warehouse.errors import OperationFailed

SECRET = "T000/B000/not-to-be-shown"


def drip() -> Iterator[bytes]:
    """A byte now and then, so that no socket timeout ever fires."""
    for _ in range(30):
        time.sleep(0.05)
        yield b" "


@pytest.fixture
def taken(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was sent to `/taken`."""
    monkeypatch.setattr(airflow, "_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(airflow, "_MAX_BYTES", 1000)
    texts: list[str] = []

    def take(request: Request) -> Response:
        texts.append(request.get_data(as_text=True))
        return Response(json.dumps({"access_token": "x"}), headers={"Content-Type": "application/json"})

    httpserver.expect_request("/taken").respond_with_handler(take)
    httpserver.expect_request("/auth/token").respond_with_handler(take)
    return texts


@pytest.fixture
def webhook(httpserver: HTTPServer) -> Callable[[Response], channels.Webhook]:
    def answering(response: Response) -> channels.Webhook:
        httpserver.expect_request(f"/{SECRET}", method="POST").respond_with_handler(lambda _: response)
        return channels.Webhook(SecretStr(httpserver.url_for(f"/{SECRET}")))

    return answering


def test_a_redirected_alert_was_not_delivered(httpserver: HTTPServer, taken: list[str], webhook) -> None:
    """urllib would follow with GET, without the message, and treat the 200 as a delivery."""
    hook = webhook(Response(status=302, headers={"Location": httpserver.url_for("/taken")}))
    with pytest.raises(OperationFailed, match=r"HTTP 302 \(a redirect, which is not followed") as refused:
        hook.send("title", "text")
    assert SECRET not in str(refused.value)
    assert taken == []


def test_the_answer_of_a_webhook_is_not_read_and_a_long_alert_is_cut(taken: list[str], webhook, httpserver) -> None:
    began = time.monotonic()
    webhook(Response(drip())).send("title", "text")
    assert time.monotonic() - began < 2
    channels.Webhook(SecretStr(httpserver.url_for("/taken"))).send("title", "x" * 1_000_000)
    assert len(taken[0]) < 31_000
    assert "970,008 more characters" in json.loads(taken[0])["text"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda: Response(status=307, headers={"Location": "/taken"}), "HTTP 307"),
        (lambda: Response(b" " * 2000), "more than 1,000 bytes"),
        (lambda: Response(drip()), "no complete response within 0.5 s"),
    ],
    ids=["redirect", "size", "time"],
)
def test_airflow_s_answers_are_bounded(httpserver: HTTPServer, taken: list[str], answer, said: str) -> None:
    httpserver.expect_request("/api/v2/dags").respond_with_handler(lambda _: answer())
    with pytest.raises(OperationFailed, match=said):
        airflow.HttpAirflow(httpserver.url_for("")).get("/dags")
    assert len(taken) == 1  # the request for the token


def test_headers_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every header line arrives within the socket timeout, and there is always another one."""
    monkeypatch.setattr(channels, "_TIMEOUT_SECONDS", 0.5)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                for number in range(60):
                    time.sleep(0.1)
                    connection.sendall(b"X-%d: y\r\n" % number)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    began = time.monotonic()
    with listening, pytest.raises(OperationFailed, match=r"no complete response within 0\.5 s"):
        channels.Webhook(SecretStr(f"http://127.0.0.1:{listening.getsockname()[1]}/{SECRET}")).send("title", "text")
    assert time.monotonic() - began < 2
