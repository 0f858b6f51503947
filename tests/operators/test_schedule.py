"""What is due next of everybody's, and how far each job is."""

from datetime import timedelta

import pytest

from chalicelib.domain.moments import rfc3339
from chalicelib.handlers.jobs import SCHEDULE
from tests.operators.desk import ACME, DAY, END, NUMBER, RELEASE, Desk
from tests.support.life import Life

SECOND = timedelta(seconds=1)


def deadlines(life, **asked):
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    reply = life.operator("GET", f"/v1/admin/deadlines?{query}")
    assert reply.status == 200, reply.body
    return reply.body


@pytest.fixture
def life():
    """Two that leave on different days."""
    desk = Desk()
    desk.leave()
    desk.life.move(desk.life.now + DAY)
    desk.life.account("later")
    desk.life.cancel("later", desk.life.subscribe("later"))
    return desk.life


def test_the_soonest_comes_first_over_accounts_kinds_and_shards(life):
    data = deadlines(life, limit=100)["data"]

    assert [one["due_at"] for one in data] == sorted(one["due_at"] for one in data)
    assert {one["account_id"] for one in data} == {ACME, "later"}
    assert {"access_ends", "numbers_released", "data_purged"} <= {one["kind"] for one in data}
    assert not any(one["overdue"] for one in data)


def test_until_is_inclusive_to_the_second(life):
    def kinds(until):
        return [one["kind"] for one in deadlines(life, until=rfc3339(until), limit=100)["data"]]

    assert "numbers_released" in kinds(RELEASE)
    assert "numbers_released" not in kinds(RELEASE - SECOND)


def test_one_kind_only(life):
    data = deadlines(life, kind="data_purged")["data"]

    assert [(one["account_id"], one["kind"]) for one in data] == [
        (ACME, "data_purged"),
        ("later", "data_purged"),
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_page_by_page_nothing_is_shown_twice_or_left_out(life, limit):
    whole = deadlines(life, limit=100)["data"]
    seen, cursor = [], None
    for _ in range(100):
        body = deadlines(life, limit=limit, **({"cursor": cursor} if cursor else {}))
        seen += body["data"]
        cursor = body["next_cursor"]
        if not body["has_more"]:
            break

    assert seen == whole


def test_what_failed_is_overdue_and_says_why():
    desk = Desk().leave()
    desk.life.move(RELEASE - SECOND)
    desk.life.faults.order({"target": "carrier", "kind": "error", "count": 1})
    desk.life.wait(RELEASE)
    desk.life.run_jobs()
    desk.life.wait(RELEASE + SECOND)

    (one,) = deadlines(desk.life, kind="numbers_released", until=rfc3339(RELEASE))["data"]

    assert (one["overdue"], one["attempts"], one["due_at"]) == (True, 1, rfc3339(RELEASE))
    assert one["next_try_at"] > one["due_at"]
    assert one["last_error"].startswith("carrier:")
    assert one["why"] == {
        "promises": ["SC-8"],
        "policy": {"numbers.release_after_hours": 336},
    }


def test_what_is_held_is_no_deadline():
    desk = Desk().leave()
    desk.act("hold", "data_purged")

    assert deadlines(desk.life, kind="data_purged")["data"] == []


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [("until=tomorrow", "/until"), ("until=", "/until"), ("kind=nothing", "/kind"),
     ("kind=", "/kind"), ("limit=0", "/limit"), ("limit=101", "/limit"), ("until=2026-01-01", "/until")],
)  # fmt: skip
def test_what_cannot_be_asked(life, asked, pointer):
    reply = life.operator("GET", f"/v1/admin/deadlines?{asked}")

    assert (reply.status, reply.body["errors"][0]["pointer"]) == (422, pointer)


def test_a_purge_of_the_year_9999_is_no_reason_to_fail(life):
    assert deadlines(life, until="9999-12-31T23:59:59Z")["data"]


def test_the_jobs_and_what_waits_for_each():
    desk = Desk().leave()
    desk.life.sleep(RELEASE + DAY)

    jobs = {job["name"]: job for job in desk.life.operator("GET", "/v1/admin/jobs").body["data"]}

    assert list(jobs) == [job.name for job in SCHEDULE]
    release = jobs["release_numbers"]
    assert release["rate"] == "rate(5 minutes)"
    assert release["backlog"] == {
        "count": 1,
        "at_least": False,
        "oldest_due_at": rfc3339(RELEASE),
    }
    assert jobs["purge_data"]["backlog"] == {"count": 0, "at_least": False, "oldest_due_at": None}


def test_one_job_names_what_it_takes_up_next():
    desk = Desk().leave()
    desk.life.sleep(RELEASE)

    one = desk.life.operator("GET", "/v1/admin/jobs/release_numbers").body

    assert [(n["account_id"], n["step"]) for n in one["next"]] == [(ACME, "numbers_released")]
    assert desk.life.releases(NUMBER) == []


@pytest.mark.parametrize("name", ["nothing", "..", "%00", "release_numbers ", "a" * 300])
def test_a_job_nobody_knows(name):
    assert Life().operator("GET", f"/v1/admin/jobs/{name}").status == 404


def test_a_backlog_is_counted_no_further_than_it_costs(monkeypatch):
    from chalicelib import overseeing

    monkeypatch.setattr(overseeing, "MOST_COUNTED", 1)
    life = Life()
    for name in ("a", "b", "c", "d"):
        life.account(name)
        life.cancel(name, life.subscribe(name))
    life.sleep(END + DAY)

    jobs = {job["name"]: job for job in life.operator("GET", "/v1/admin/jobs").body["data"]}

    assert jobs["expire_subscriptions"]["backlog"]["at_least"] is True
    assert jobs["expire_subscriptions"]["backlog"]["count"] >= 1
