"""`Idempotency-Key`: whatever happens in between, the same request under the same key is carried out once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.handlers import calls, doors
from chalicelib.handlers.asking import ANYBODY
from chalicelib.handlers.call import Answer, Request, Route
from chalicelib.handlers.problems import Problem
from chalicelib.handlers.routes import ROUTES
from chalicelib.store.memory import MemoryTable
from tests.support.faults import Crash, Fault, FaultyTable, Plan, every_fault
from tests.support.life import Life

MESSAGES = "/v1/scheduled-messages"
PREVIEWS = "/v1/subscriptions/{}/cancellation-previews"
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def shared():
    life = Life()
    life.account("acme")
    life.account("other")
    return life, life.subscribe("acme")


@pytest.fixture
def life(shared):
    # Other tests make worlds of their own, and a process serves one.
    wiring.use(shared[0].world)
    return shared[0]


@pytest.fixture
def subscription(life, shared):
    return shared[1]


def preview(life, subscription, key, account="acme", **token):
    signed = life.token(account, "super_admin", **token)
    return life.api(
        "POST", PREVIEWS.format(subscription), token=signed, headers={"Idempotency-Key": key}
    )


def message(life, id, price=7, **more):
    return {
        "account_id": "acme",
        "messages": [
            {"id": id, "channel": "sms", "send_at": "2026-03-01T00:00:00Z",
             "price": {"amount": price, "currency": "usd"}}
        ],
        **more,
    }  # fmt: skip


# -- the stored answer


def test_a_repeat_gets_the_first_ones_answer_and_nothing_happens(life, subscription):
    first = preview(life, subscription, "one")
    again = preview(life, subscription, "one")
    new = preview(life, subscription, "two")

    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert again.headers["request-id"] != first.headers["request-id"]
    assert new.body["preview_id"] != first.body["preview_id"]


def test_an_answer_is_kept_for_24_hours_to_the_second():
    life = Life()
    life.account("acme")
    subscription = life.subscribe("acme")
    first, start = preview(life, subscription, "k").body["preview_id"], life.now

    life.wait(start + timedelta(hours=24) - SECOND)
    assert preview(life, subscription, "k").body["preview_id"] == first
    life.wait(start + timedelta(hours=24))
    second = preview(life, subscription, "k").body["preview_id"]
    assert second != first
    assert preview(life, subscription, "k").body["preview_id"] == second


def test_a_key_belongs_to_its_account_user_and_route(life, subscription):
    first = preview(life, subscription, "mine").body["preview_id"]

    bob = preview(life, subscription, "mine", sub="bob@example.com").body["preview_id"]
    others = life.subscribe("other")
    other = preview(life, others, "mine", account="other").body["preview_id"]
    elsewhere = life.service(
        "POST", MESSAGES, message(life, "M0"), headers={"Idempotency-Key": "mine"}
    )

    assert len({first, bob, other}) == 3
    assert elsewhere.status == 200


def test_the_same_key_for_another_request_is_refused(life, subscription):
    key = {"Idempotency-Key": "messages"}
    first = life.service("POST", MESSAGES, message(life, "M1"), headers=key)

    other = life.service("POST", MESSAGES, message(life, "M2"), headers=key)
    same = life.service("POST", MESSAGES, message(life, "M1", colour="ignored"), headers=key)

    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert (same.status, same.body) == (200, first.body)


def test_a_refusal_is_not_kept(life, subscription):
    key = {"Idempotency-Key": "sent"}
    path = f"{MESSAGES}/M3/sent?account_id=acme"
    token = life.token(None, "service")
    assert life.api("POST", path, token=token, headers=key).status == 404

    life.service("POST", MESSAGES, message(life, "M3"))

    assert life.api("POST", path, token=token, headers=key).status == 200


def test_only_posts_have_keys(life, subscription):
    key = {"Idempotency-Key": "get"}

    balances = [life.customer("acme", "GET", "/v1/wallet", headers=key).body["balance"]["amount"]]
    life.service("POST", MESSAGES, message(life, "M4"))
    balances.append(
        life.customer("acme", "GET", "/v1/wallet", headers=key).body["balance"]["amount"]
    )

    assert balances[1] == balances[0] - 7


KEYS = {
    "longest": ("k" * 255, 201),
    "longest, in another alphabet": ("ключ" * 63, 201),
    "longest, of characters that need escaping": ("/#%🙂" * 60, 201),
    "one character": ("k", 201),
    "too long": ("k" * 256, 422),
    "empty": ("", 422),
    "unprintable": ("a\x00b", 422),
}


@pytest.mark.parametrize(("key", "status"), KEYS.values(), ids=KEYS)
def test_a_key_has_1_to_255_printable_characters(life, subscription, key, status):
    first, again = (preview(life, subscription, key) for _ in range(2))

    assert (first.status, again.status) == (status, status)
    if status == 201:
        assert first.body == again.body
    else:
        assert first.code == "invalid_request"


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method == "POST"], ids=lambda r: r.path)
def test_every_post_looks_at_its_key(life, subscription, route):
    """One that is far too long is refused, or nothing was looked at after an earlier refusal."""
    seen = []

    def once(call, route, act):
        seen.append(route.path)
        raise Problem(409, "taken", "As the test wants it.")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(calls.repeats, "once", once)
        patched.setattr(calls, "shaped", lambda kind, plain: plain)
        everybody = Route(
            method="POST", path=route.path, act=route.act, summary="", roles=route.roles,
            whose="none", body=None,
        )  # fmt: skip
        request = Request({"id": "x", "key": "x"}, {}, headers(life), b"", "request")
        calls.answer(life.world, everybody, request, doors._verifier(life.world.settings))

    assert seen == [route.path]


def headers(life, **more):
    return {"authorization": f"Bearer {life.token('acme', 'super_admin')}", **more}


# -- two at once, crashes and failures: a route of our own, which notes under which id it was carried out


class Deed:
    """What must not be done twice. It is done under the id of the request that did it."""

    def __init__(self, life, act=None):
        self.life, self.done = life, []
        self.act = act or (lambda: None)
        self.route = Route(
            method="POST", path="/v1/deeds", act=self._do, summary="", roles=ANYBODY, whose="query"
        )

    def _do(self, call):
        self.done.append(call.request_id)
        self.act()
        return Answer(201, {"done_by": call.request_id})

    def ask(self, request_id, key="k"):
        sent = headers(self.life, **{"idempotency-key": key})
        request = Request({}, {}, sent, b"", request_id)
        return calls.answer(
            self.life.world, self.route, request, doors._verifier(self.life.world.settings)
        )


@pytest.fixture
def table():
    return FaultyTable(MemoryTable(), Plan())


@pytest.fixture
def stage(table):
    life = Life(table)
    life.account("acme")
    return life


def code(answer):
    return answer.status, answer.body.get("code")


def test_two_at_once_are_not_both_carried_out(stage):
    inner = []
    deed = Deed(stage, act=lambda: inner.append(deed.ask("second")))

    first = deed.ask("first")

    assert code(first) == (201, None)
    assert [code(one) for one in inner] == [(409, "idempotency_in_flight")]
    assert int(inner[0].headers["Retry-After"]) > 0
    assert deed.done == ["first"]
    assert deed.ask("third").body == first.body


def test_of_many_at_once_one_is_carried_out(life):
    deed = Deed(life)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: deed.ask(f"r{n}", key="many"), range(40)))

    assert len(deed.done) == 1
    assert {code(one) for one in answers} <= {(201, None), (409, "idempotency_in_flight")}
    assert {one.body["done_by"] for one in answers if one.status == 201} == set(deed.done)


def test_whoever_died_is_followed_after_a_minute_under_its_own_id(stage):
    def dies():
        raise Crash

    deed = Deed(stage, act=dies)
    with pytest.raises(Crash):
        deed.ask("first")
    deed.act = lambda: None
    died_at = stage.now

    stage.wait(died_at + timedelta(minutes=1))
    assert code(deed.ask("second")) == (409, "idempotency_in_flight")
    stage.wait(died_at + timedelta(minutes=1) + SECOND)
    third = deed.ask("third")

    assert code(third) == (201, None)
    assert set(deed.done) == {"first"}, "what the first had done is found done"
    assert deed.ask("fourth").body == third.body


@pytest.mark.parametrize("status", [500, 503])
def test_a_failure_on_our_side_leaves_the_key_free_at_once(stage, status):
    def fails():
        raise Problem(status, "internal_error", "As the test wants it.")

    deed = Deed(stage, act=fails)
    assert deed.ask("first").status == status
    deed.act = lambda: None

    assert code(deed.ask("second")) == (201, None)
    assert deed.done == ["first", "first"]


def test_a_failure_does_not_open_the_key_to_another_request(stage):
    def fails():
        raise OSError("as the test wants it")

    deed = Deed(stage, act=fails)
    assert deed.ask("first").status == 500
    deed.route = Route(
        method="POST", path="/v1/deeds", act=deed._do, summary="", roles=ANYBODY, whose="query"
    )
    sent = headers(stage, **{"idempotency-key": "k"})
    other = Request({}, {"something": "else"}, sent, b"", "second")

    answer = calls.answer(stage.world, deed.route, other, doors._verifier(stage.world.settings))

    assert code(answer) == (422, "idempotency_key_reused")


def test_stripe_being_away_leaves_the_key_free_at_once():
    life = Life()
    life.account("acme")
    subscription = life.subscribe("acme")
    shown = life.preview("acme", subscription).body
    body = {
        "preview_id": shown["preview_id"],
        "reason": {"code": "other"},
        "consents": [{"id": d["id"], "version": d["version"]} for d in shown["disclosures"]],
    }
    path, key = f"/v1/subscriptions/{subscription}/cancellation", {"Idempotency-Key": "k"}
    life.faults.order({"target": "stripe", "kind": "error", "count": 3})

    away = life.customer("acme", "POST", path, body, headers=key)
    back = life.customer("acme", "POST", path, body, headers=key)

    assert (away.status, away.code) == (503, "stripe_unavailable")
    assert int(away.headers["retry-after"]) > 0
    assert (back.status, back.body["status"]) == (200, "pending_cancellation")


def faulted(plan):
    """A world in which the table goes wrong as planned, from now on."""
    table = FaultyTable(MemoryTable(), Plan())
    life = Life(table)
    life.account("acme")
    table.plan = plan
    return life, table


def test_whatever_goes_wrong_at_the_table_it_is_done_under_one_id_and_then_stays_answered():
    def story(plan):
        life, table = faulted(plan)
        deed = Deed(life)
        with suppress(Crash):
            deed.ask("first")
        return life, table, deed

    plans = list(every_fault(story))
    assert {fault for plan in plans for fault in plan.faults.values()} == set(Fault)
    for plan in plans:
        life, table, deed = story(plan)
        table.plan = Plan()

        life.wait(life.now + timedelta(minutes=1) + SECOND)
        second = deed.ask("second")

        assert code(second) == (201, None), plan
        assert len(set(deed.done)) == 1, (plan, deed.done)
        assert deed.ask("third").body == second.body, plan


def test_after_a_lost_answer_nobody_has_to_wait_for_the_clock():
    """The local clock stands still: a claim that only time frees would be held for ever."""
    for plan in every_fault(lambda plan: Deed(faulted(plan)[0]).ask("first")):
        if set(plan.faults.values()) & {Fault.CRASH_BEFORE, Fault.CRASH_AFTER}:
            continue
        life, table = faulted(plan)
        deed = Deed(life)
        deed.ask("first")
        table.plan = Plan()

        assert code(deed.ask("second")) == (201, None), plan
        assert len(set(deed.done)) == 1, plan


def test_messages_are_debited_once_whatever_goes_wrong_on_the_way():
    key = {"Idempotency-Key": "k"}

    def story(plan):
        table = FaultyTable(MemoryTable(), Plan())
        life = Life(table)
        life.account("acme")
        life.subscribe("acme")
        table.plan = plan
        with suppress(Crash):
            life.service("POST", MESSAGES, message(life, "M1", price=7), headers=key)
        table.plan = Plan()
        return life

    for plan in every_fault(story):
        life = story(plan)
        life.wait(life.now + timedelta(minutes=1) + SECOND)

        again = life.service("POST", MESSAGES, message(life, "M1", price=7), headers=key)

        assert again.status == 200, (plan, again.body)
        assert life.balance("acme") == -7, plan
