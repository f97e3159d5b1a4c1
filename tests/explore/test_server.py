"""The server without a browser: its figures against the oracle, and every request that it must not answer."""

import asyncio
import json
import re
import socket
import threading
from dataclasses import replace
from importlib.resources import files

import numpy as np
import oracle
import pytest
import strategies
from explore import models
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tnsim import partitions
from tnsim.bounds import min_cut
from tnsim.explore import answers, server
from tnsim.explore.explored import MOST_SITES
from tnsim.explore.guard import HEADERS, hosts_of
from tnsim.explore.questions import MOST_WIDTH

PORT = 8000
ARCH = models.ARCH
SITES = ARCH.size  # read once: checked annotations draw random numbers, which a strategy must not
LEFT = [False, False, True, True] * 2
JSON = {"Content-Type": "application/json"}


def client_of(explorer):
    return TestClient(server.app_of(explorer, PORT), base_url=f"http://127.0.0.1:{PORT}")


@pytest.fixture(scope="module")
def client():
    return client_of(server.Explorer(models.explored()))  # a loop a request: none runs while hypothesis draws


def masks():
    """All partitions of the sites, by the numbers whose bits they are."""
    return st.integers(1, 2**SITES - 2).map(bits)


def bits(number):
    return [bool(number >> site & 1) for site in range(SITES)]


def lines(response):
    return [json.loads(line) for line in response.text.splitlines()]


# ---- figures


@given(masks(), st.lists(st.integers(1, 9), min_size=3, max_size=3))
@settings(max_examples=25)
def test_bounds_are_the_least_cut_over_all_of_any_widths(client, mask, widths):
    own = client.post("/api/bounds", json={"mask": mask}).json()
    moved = client.post("/api/bounds", json={"mask": mask, "widths": widths}).json()
    other = replace(ARCH, features=widths[0], channels=tuple(widths[1:]))
    assert own["cut"] == min_cut(ARCH, mask).to_json()
    assert moved["cut"] == min_cut(other, mask).to_json()
    assert int(moved["cut"]["value"]) == oracle.min_cut(strategies.wiring(ARCH), widths, mask)
    assert own["widths"] == [3, 4, 5]
    assert moved["widths"] == widths


@given(masks(), st.integers(0, 2), st.sampled_from(list(models.GRAMS)))
@settings(max_examples=20)
def test_renyi_is_that_of_the_written_tensor(client, mask, label, measure):
    found = client.post("/api/measure", json={"mask": mask, "label": label, "measure": measure}).json()
    wanted = models.entropy(mask, label, measure, 2)
    assert found["renyi2"]["lower"] - 1e-12 <= wanted <= found["renyi2"]["upper"] + 1e-12
    assert found["renyi2"]["value"] == pytest.approx(wanted, abs=1e-7)
    assert found["cut"] == min_cut(ARCH, mask).to_json()


@given(masks(), st.integers(0, 2), st.sampled_from(list(models.GRAMS)))
@settings(max_examples=10)
def test_an_exact_entropy_is_that_of_the_written_tensor(client, mask, label, measure):
    response = client.post("/api/entropy", json={"mask": mask, "label": label, "measure": measure})
    found = lines(response)[-1]["entropy"]
    assert found["method"] == "exact spectrum"
    assert found["value"] == pytest.approx(models.entropy(mask, label, measure), abs=1e-7)


@pytest.mark.parametrize("measure", list(models.GRAMS))
def test_an_interval_holds_the_entropy_of_the_written_tensor_and_tells_its_passes(client, monkeypatch, measure):
    monkeypatch.setattr("tnsim.entanglement.entropy.EXACT", 1)  # no spectrum is in reach
    mask = [True, False, False, True, True, True, False, False]
    response = client.post("/api/entropy", json={"mask": mask, "label": 1, "measure": measure, "seconds": 5})
    *progress, last = lines(response)
    found, wanted = last["entropy"], models.entropy(mask, 1, measure)
    assert found["method"].startswith("certified")
    assert found["lower"] <= wanted <= found["upper"]
    assert found["upper"] <= min_cut(ARCH, mask).log + 1e-9
    assert progress
    assert all(line["progress"].startswith("chi ") for line in progress)


def test_the_model_is_described_and_every_name_is_a_partition(client):
    told = client.get("/api/model").json()
    assert told["grid"] == [2, 4]
    assert told["widths"] == [3, 4, 5]
    assert told["tree"] == [ARCH.groups(0).tolist(), ARCH.groups(1).tolist()]
    assert told["classes"] == ["a", "b", "c"]
    assert told["measures"] == ["function", "uniform", "coefficient"]
    assert told["parameters"] == ARCH.parameters
    assert {"left-right", "top-bottom", "checkerboard", "window:0:1"} <= set(told["partitions"])
    for name in told["partitions"]:
        found = client.get("/api/partition", params={"name": name}).json()["mask"]
        assert found == partitions.mask(ARCH, name).tolist()


def test_examples_are_images_of_the_class(client):
    found = client.get("/api/examples", params={"label": 2}).json()["images"]
    assert [(one["height"], one["width"]) for one in found] == [(2, 4)] * 2
    assert [one["pixels"] for one in found] == [image.ravel().tolist() for image in models.IMAGES[2]]


# ---- what is not answered


STATE = {"mask": LEFT, "label": 0, "measure": "function"}
WRONG = [
    ("bounds", [], "body: wanted a JSON object, found list"),
    ("bounds", {}, "['mask'] missing"),
    ("bounds", {"mask": LEFT, "more": 1}, "['more'] more"),
    ("bounds", {"mask": LEFT[1:]}, "mask: wanted a list of 8 booleans, one a site, found 7 values"),
    ("bounds", {"mask": "left-right"}, "mask: wanted a list"),
    ("bounds", {"mask": [1, 0] * 4}, "mask: wanted booleans alone, found 1"),
    ("bounds", {"mask": [*LEFT[1:], None]}, "mask: wanted booleans alone, found None"),
    ("bounds", {"mask": [False] * 8}, "mask: A must hold at least one site"),
    ("bounds", {"mask": [True] * 8}, "mask: A must leave at least one site to B"),
    ("bounds", {"mask": LEFT, "widths": [3, 4]}, "widths: wanted a list of 3 integers"),
    ("bounds", {"mask": LEFT, "widths": [3, 0, 4]}, "widths: level 0: wanted an integer in 1..4096, found 0"),
    ("bounds", {"mask": LEFT, "widths": [True, 4, 4]}, "widths: level -1: wanted an integer"),
    ("bounds", {"mask": LEFT, "widths": [3, 4, MOST_WIDTH + 1]}, "widths: level 1"),
    ("bounds", {"mask": LEFT, "widths": [3, 4.0, 4]}, "widths: level 0"),
    ("measure", STATE | {"label": 3}, "label: wanted an integer in 0..2, found 3"),
    ("measure", STATE | {"label": -1}, "label"),
    ("measure", STATE | {"label": True}, "label"),
    ("measure", STATE | {"measure": "data"}, "measure: wanted one of function, uniform, coefficient, found 'data'"),
    ("measure", STATE | {"measure": ["function"]}, "measure"),
    ("entropy", STATE | {"seconds": 0}, "seconds: wanted a number in 0..3600, found 0"),
    ("entropy", STATE | {"seconds": 1e9}, "seconds"),
    ("entropy", STATE | {"seconds": "9"}, "seconds"),
    ("entropy", STATE | {"mask": LEFT[1:]}, "mask"),
]


@pytest.mark.parametrize(("path", "body", "words"), WRONG)
def test_a_wrong_question_is_refused_in_words(client, path, body, words):
    response = client.post(f"/api/{path}", json=body)
    assert response.status_code == 422
    assert words in response.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 20000, b'{"mask": NaN}', b"1" * 5000])
def test_what_is_no_json_object_is_refused(client, body):
    response = client.post("/api/bounds", content=body, headers=JSON)
    assert response.status_code == 422
    assert response.json()["error"].startswith(("body: wanted a JSON object", "body: wanted the fields", "mask"))


@pytest.mark.parametrize("name", ["", "no-such", "window:0", "window:7:0", "chess:4", "left-right\n"])
def test_names_that_are_no_partition_are_refused(client, name):
    response = client.get("/api/partition", params={"name": name})
    assert response.status_code == 422
    assert response.json()["error"].startswith("name:")


@pytest.mark.parametrize("label", ["", "3", "-1", "x", "9" * 50, "٣"])
def test_labels_that_are_no_class_are_refused(client, label):
    response = client.get("/api/examples", params={"label": label})
    assert response.status_code == 422
    assert response.json()["error"].startswith("label:")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:8001", "localhost.evil.example:8000", ""])
def test_another_host_is_refused_even_where_its_name_leads_here(client, host):
    for path in ("/", "/api/model"):
        response = client.get(path, headers={"Host": host})
        assert response.status_code == 403
        assert response.json()["error"].startswith("Host: wanted 127.0.0.1:8000")


def test_our_own_names_are_answered(client):
    for host in ("127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000"):
        assert client.get("/", headers={"Host": host}).status_code == 200
    assert hosts_of(80) == {"127.0.0.1:80", "localhost:80", "127.0.0.1", "localhost"}


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8000", "http://127.0.0.1:8001"])
def test_another_origin_is_refused(client, origin):
    response = client.post("/api/bounds", json={"mask": LEFT}, headers={"Origin": origin})
    assert response.status_code == 403
    assert response.json()["error"].startswith("Origin:")


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200)])
def test_figures_are_for_our_page_alone(client, site, status):
    headers = {"Sec-Fetch-Site": site, "Origin": "http://127.0.0.1:8000"}
    assert client.get("/api/model", headers=headers).status_code == status
    assert client.get("/", headers={"Sec-Fetch-Site": site}).status_code == 200  # a link may lead here


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"])
def test_a_post_that_a_form_could_send_is_refused(client, kind):
    response = client.post("/api/bounds", content=json.dumps({"mask": LEFT}), headers={"Content-Type": kind})
    assert response.status_code == 415
    assert response.json()["error"].startswith("Content-Type: wanted application/json")


def test_a_body_is_read_no_further_than_its_limit(client):
    most = server.HEAD_ROOM + server.PER_SITE * ARCH.size
    response = client.post("/api/bounds", content=b" " * (most + 1), headers=JSON)
    assert response.status_code == 413
    assert response.json()["error"] == f"body: wanted at most {most} bytes, found more"
    padded = json.dumps({"mask": LEFT}).encode()
    assert client.post("/api/bounds", content=padded.ljust(most), headers=JSON).status_code == 200


def test_an_endless_body_is_not_waited_for():
    most = server.HEAD_ROOM + server.PER_SITE * ARCH.size
    read, sent = [], []

    async def receive():
        read.append(10_000)
        return {"type": "http.request", "body": b" " * 10_000, "more_body": True}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"127.0.0.1:8000"), (b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/api/bounds", "query_string": b"", "headers": headers}
    app = server.app_of(server.Explorer(models.explored()), PORT)
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 30))
    assert sent[0]["status"] == 413
    assert sum(read) <= most + 10_000


def test_a_mask_of_the_largest_model_fits_a_body():
    sites = MOST_SITES
    assert len(json.dumps({"mask": [False] * sites})) < server.HEAD_ROOM + server.PER_SITE * sites


def test_other_paths_and_methods_are_errors_in_json(client):
    assert client.get("/etc/passwd").json() == {"error": "Not Found"}
    assert client.get("/../server.py").status_code == 404
    assert client.get("/api/bounds").status_code == 405
    assert client.post("/api/model", json={}).json() == {"error": "Method Not Allowed"}


def test_a_websocket_is_not_answered(client):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/"):
        pass


# ---- the page


def test_every_answer_carries_the_policy(client):
    answers = [client.get(path) for path in ("/", "/api/model", "/nothing")]
    for response in (*answers, client.get("/", headers={"Host": "x"})):
        for name, value in HEADERS.items():
            assert response.headers[name] == value
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_the_page_loads_nothing_from_elsewhere_and_all_that_it_names_is_served(client):
    named = set(re.findall(r'(?:href|src)="([^"]+)"', client.get("/").text))
    for path, (_, _, kind) in server.FILES.items():
        response = client.get(path)
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith(kind)
        text = response.text.replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"(^|\s)//.*", "", text)  # nothing but comments
        named |= {f"/{found}" for found in re.findall(r'from "\./([a-z]+\.js)"', text)}
        assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:|innerHTML|insertAdjacentHTML|eval\(", text)
    assert named | {"/"} == set(server.FILES)
    there = {f"/{path.name}" for path in files("tnsim.explore").joinpath("page").iterdir()} - {"/index.html"}
    assert there <= set(server.FILES)


# ---- the newest question wins


def in_thread(work):
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    return thread, found


@pytest.mark.parametrize("path", ["measure", "entropy"])
def test_a_newer_question_takes_the_place_of_an_older_one(monkeypatch, path):
    begun, going = threading.Event(), threading.Event()

    def slow(explored, asked, tell=lambda text: None):
        if asked.label == 0:
            begun.set()
            assert going.wait(30)
        return {"entropy": {"label": asked.label}}

    monkeypatch.setattr(answers, {"measure": "measured", "entropy": "certified"}[path], slow)
    with client_of(server.Explorer(models.explored())) as client:
        older, found = in_thread(lambda: client.post(f"/api/{path}", json=STATE))
        assert begun.wait(30)
        newer, answer = in_thread(lambda: client.post(f"/api/{path}", json=STATE | {"label": 2}))
        older.join(30)  # answered at once, though its work still goes on
        assert found
        assert not going.is_set()
        going.set()
        newer.join(30)
    told = lines(found[0])[-1]
    assert told["superseded"] is True
    assert found[0].status_code == (409 if path == "measure" else 200)
    assert lines(answer[0])[-1] == {"entropy": {"label": 2}}


def test_an_error_while_measuring_is_the_last_line(client, monkeypatch):
    def refused(explored, asked, tell):
        raise ValueError("state: it is exactly zero")

    monkeypatch.setattr(answers, "certified", refused)
    assert lines(client.post("/api/entropy", json=STATE)) == [{"error": "state: it is exactly zero"}]


def test_infinity_is_null():
    found = answers._estimate(answers.Estimate(1.0, 0.0, np.inf, "made"))
    assert found["upper"] is None
    assert found["value"] == 1.0


# ---- the port


def test_only_the_loopback_address_is_bound_and_a_port_in_use_is_an_error():
    with server._bound(0) as bound:
        address, port = bound.getsockname()
        assert address == "127.0.0.1"
        with pytest.raises(ValueError, match=rf"--port: wanted a port of 127.0.0.1 that is free, found {port}"):
            server._bound(port)
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
