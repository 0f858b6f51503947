"""What operators say of work on the systems, and every way in which they can say it wrong."""

import pytest

from chalicelib.domain.moments import rfc3339
from tests.support.maintenance import ACME, DAY, START, WHY, Works, on

GOOD = {
    "starts_at": "2026-02-10T02:00:00Z",
    "ends_at": "2026-02-10T04:00:00Z",
    "kind": "scheduled",
    "reason": WHY,
}


@pytest.fixture(scope="module")
def shared():
    return Works()


@pytest.fixture
def works(shared):
    from chalicelib import wiring

    wiring.use(shared.life.world)
    return shared


def post(works, **body):
    return works.life.operator("POST", "/v1/maintenance-windows", {**GOOD, **body})


def without(field):
    return {name: value for name, value in GOOD.items() if name != field}


@pytest.mark.parametrize("field", GOOD)
def test_each_of_these_must_be_said(works, field):
    reply = works.life.operator("POST", "/v1/maintenance-windows", without(field))

    assert (reply.status, reply.code) == (422, "invalid_request")
    assert field in reply.body["errors"][0]["detail"] + reply.body["errors"][0]["pointer"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"ends_at": GOOD["starts_at"]}, "/ends_at"),
        ({"ends_at": "2026-02-10T01:59:59Z"}, "/ends_at"),
        ({"ends_at": "2026-03-13T02:00:01Z"}, "/ends_at"),
        ({"starts_at": "2025-01-29T12:00:00Z", "ends_at": "2025-01-30T12:00:00Z"}, "/ends_at"),
        ({"starts_at": "2027-02-02T12:00:00Z", "ends_at": "2027-02-03T12:00:00Z"}, "/starts_at"),
        ({"starts_at": "tomorrow"}, "/starts_at"),
        ({"starts_at": "2026-02-10T02:00:00"}, "/starts_at"),
        ({"starts_at": "2026-02-30T02:00:00Z"}, "/starts_at"),
        ({"starts_at": 5}, "/starts_at"),
        ({"kind": "planned"}, "/kind"),
        ({"kind": "scheduled\n"}, "/kind"),
        ({"reason": ""}, "/reason"),
        ({"reason": "  "}, "/reason"),
        ({"reason": "x" * 501}, "/reason"),
        ({"policies": []}, "/policies"),
        ({"policies": ["nobody"]}, "/policies"),
        ({"policies": "1msg"}, "/policies"),
        ({"policies": ["1msg", 5]}, "/policies/1"),
        ({"withdrawn": "no"}, "/withdrawn"),
    ],
)
def test_what_is_no_window_is_refused_with_a_sentence(works, body, pointer):
    reply = post(works, **body)

    assert (reply.status, reply.code) == (422, "invalid_request")
    (error,) = reply.body["errors"]
    assert error["pointer"] == pointer
    assert error["detail"].endswith(".")


@pytest.mark.parametrize("longest", ["2026-03-13T02:00:00Z"])
def test_thirty_one_days_are_the_most(works, longest):
    reply = post(works, ends_at=longest, withdrawn=True)

    assert reply.status == 201
    assert len(reply.body["days"]["1msg"]) == 32


def test_every_policy_that_promises_an_extension_is_meant_unless_others_are_named(works):
    assert post(works, withdrawn=True).body["policies"] == ["1msg"]
    named = post(works, withdrawn=True, policies=["goto", "1msg", "goto"]).body
    assert named["policies"] == ["goto", "1msg"]
    assert [(w["code"], w["policy"]) for w in named["warnings"]] == [("extends_nothing", "goto")]


def test_the_answer_is_what_can_be_read_again(works):
    made = post(works, withdrawn=True)

    read = works.life.operator("GET", f"/v1/maintenance-windows/{made.body['id']}")

    assert read.status == 200
    assert read.body == made.body
    assert made.body["days"] == {"1msg": ["2026-02-10"]}
    assert made.body["telling"]["status"] == "complete"


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("id", ["nothing", "mw0", "..", "%00", "a" * 300, "window%23x"])
def test_a_window_nobody_announced(works, method, id):
    body = None if method == "GET" else {}

    reply = works.life.operator(method, f"/v1/maintenance-windows/{id}", body)

    assert (reply.status, reply.code) == (404, "not_found")


@pytest.mark.parametrize("role", ["service", "support_agent"])
def test_only_operators_announce(works, role):
    token = works.life.token(None, role)

    reply = works.life.api("POST", "/v1/maintenance-windows", GOOD, token=token)

    assert (reply.status, reply.body["required_roles"]) == (403, ["operator"])


def test_customers_do_not(works):
    reply = works.life.customer(ACME, "POST", "/v1/maintenance-windows", GOOD)

    assert reply.status == 403


def test_sent_twice_under_one_key_it_is_announced_once(works):
    before = len(listed(works))
    given = [
        works.life.operator(
            "POST",
            "/v1/maintenance-windows",
            {**GOOD, "withdrawn": True},
            headers={"Idempotency-Key": "k1"},
        )
        for _ in range(2)
    ]

    assert given[0].body == given[1].body
    assert len(listed(works)) == before + 1


def listed(works, limit=100):
    found, cursor = [], None
    while True:
        more = f"&cursor={cursor}" if cursor else ""
        page = works.life.operator("GET", f"/v1/maintenance-windows?limit={limit}{more}").body
        found += page["data"]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            return found


def test_the_list_is_whole_page_by_page_and_the_last_announced_comes_first(works):
    for _ in range(3):
        post(works, withdrawn=True)
        works.life.move(works.life.now + DAY / 24)

    whole = listed(works)

    assert listed(works, limit=1) == whole
    said = [one["announced_at"] for one in whole]
    assert said == sorted(said, reverse=True)


@pytest.mark.parametrize("cursor", ["", "x", "W10", "WyJ3aW5kb3cjLi4iXQ", "a" * 9000])
def test_a_cursor_nobody_gave_out(works, cursor):
    reply = works.life.operator("GET", f"/v1/maintenance-windows?cursor={cursor}")

    assert (reply.status, reply.body["errors"][0]["pointer"]) == (422, "/cursor")


def test_what_is_left_out_of_a_change_stays(works):
    made = post(works, withdrawn=True).body

    changed = works.change(made, reason="Old disks")

    assert changed["revision"] == 2
    same = ("starts_at", "ends_at", "kind", "policies", "withdrawn", "announced_at")
    assert {name: changed[name] for name in same} == {name: made[name] for name in same}


def test_saying_the_same_again_is_no_change(works):
    made = post(works, withdrawn=True).body

    assert works.change(made, reason=WHY, withdrawn=True) == made
    assert works.change(made) == made


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"ends_at": "2026-02-10T02:00:00Z"}, "/ends_at"),
        ({"starts_at": "2026-02-10T04:00:00Z"}, "/ends_at"),
        ({"reason": "\t"}, "/reason"),
        ({"policies": ["nobody"]}, "/policies"),
        ({"kind": None, "starts_at": "x"}, "/starts_at"),
    ],
)
def test_a_change_that_makes_no_window_is_refused(works, body, pointer):
    made = post(works, withdrawn=True).body

    reply = works.life.operator("PUT", f"/v1/maintenance-windows/{made['id']}", body)

    assert (reply.status, reply.body["errors"][0]["pointer"]) == (422, pointer)


def test_a_window_of_more_than_a_year_ago_stays_as_it_is():
    works = Works()
    made = works.announce("02-10 02:00", "02-10 04:00")
    works.life.move(on("02-11").replace(year=2027))

    assert works.change(made, reason="x")["revision"] == 2

    works.life.move(on("02-11 04:00").replace(year=2027))
    reply = works.life.operator("PUT", f"/v1/maintenance-windows/{made['id']}", {"reason": "y"})
    assert (reply.status, reply.body["errors"][0]["pointer"]) == (422, "/ends_at")


def test_operators_see_the_walk_that_tells_of_it():
    works = Works()
    works.announce("02-10 02:00", "02-10 04:00")

    job = works.life.operator("GET", "/v1/admin/jobs/tell_of_maintenance").body

    statuses = {walk["run"].rpartition("~")[2]: walk["status"] for walk in job["walks"]}
    assert statuses.pop("after") == "running"
    assert set(statuses.values()) == {"complete"}
    assert rfc3339(START) in job["walks"][0]["run"]


def test_the_history_says_what_the_account_was_told():
    works = Works()
    works.announce("02-10 02:00", "02-10 04:00")

    past = works.life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body["past"]

    (told,) = [one for one in past if one["what"] == "maintenance.announced"]
    assert told["by"] == "maintenance"
    assert told["data"]["days"] == 1
    assert told["data"]["reason"] == WHY


# -- looking before leaping


def windows(works):
    return works.life.operator("GET", "/v1/maintenance-windows?limit=100").body["data"]


def test_a_preview_says_what_would_follow_and_keeps_nothing(works):
    before = windows(works)

    seen = post(works, ends_at="2026-02-12T04:00:00Z", preview=True)

    assert (seen.status, seen.body["previewed"]) == (200, True)
    assert seen.body["days"]["1msg"] == ["2026-02-10", "2026-02-11", "2026-02-12"]
    assert seen.body["telling"] is None
    assert windows(works) == before
    assert works.life.operator("GET", f"/v1/maintenance-windows/{seen.body['id']}").status == 404


def test_a_change_is_previewed_as_well(works):
    made = post(works).body
    path = f"/v1/maintenance-windows/{made['id']}"

    seen = works.life.operator("PUT", path, {"ends_at": "2026-02-11T04:00:00Z", "preview": True})

    assert (seen.status, seen.body["previewed"]) == (200, True)
    assert len(seen.body["days"]["1msg"]) == 2
    kept = works.life.operator("GET", path).body
    assert (kept["ends_at"], kept["revision"]) == (made["ends_at"], made["revision"])


def test_what_is_done_is_what_was_previewed(works):
    body = {"ends_at": "2026-02-12T04:00:00Z"}
    seen, done = post(works, **body, preview=True).body, post(works, **body).body

    assert (seen["days"], seen["warnings"]) == (done["days"], done["warnings"])
    assert "previewed" not in done


def test_a_preview_of_what_cannot_be_is_refused_all_the_same(works):
    assert post(works, ends_at=GOOD["starts_at"], preview=True).status == 422
    assert post(works, preview="yes").status == 422
