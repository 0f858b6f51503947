"""401 → 404 → 422 shape → the stored answer → 403 → 409 `preview_stale` → 409 `blocked` → 422 reason, consents.

One test for each two that stand next to each other: a request that deserves both hears of the first.
"""

from datetime import timedelta

import pytest

from tests.support.life import Life, consenting

MEMBER = ("member",)


class Story:
    """A customer with a subscription and a preview of leaving it."""

    def __init__(self, policy="smarter-contact", price="smarter-contact:messaging:month"):
        self.life = Life()
        self.customer = self.life.account("acme", policy)
        self.subscription = self.life.subscribe("acme", price)
        self.path = f"/v1/subscriptions/{self.subscription}/cancellation"
        self.shown = self.life.preview("acme", self.subscription).body

    def cancel(self, body, *roles, path=None, headers=None, **token):
        signed = self.life.token("acme", *(roles or ("super_admin",)), **token)
        return self.life.api("POST", path or self.path, body, token=signed, headers=headers)

    def goes_stale(self):
        self.life.number("acme", "+14155550100")


@pytest.fixture
def story():
    return Story()


def heard(reply):
    return reply.status, reply.code


def test_401_before_404(story):
    path = "/v1/subscriptions/sub_of_somebody/cancellation"

    assert heard(story.life.api("POST", path, {})) == (401, "token_missing")
    assert heard(story.cancel({}, path=path)) == (404, "not_found")


def test_404_in_the_path_before_422(story):
    path = "/v1/subscriptions/sub_of_somebody/cancellation"

    assert heard(story.cancel({"consents": 7}, path=path)) == (404, "not_found")
    assert heard(story.cancel({"consents": 7})) == (422, "invalid_request")


def test_404_in_the_body_before_422(story):
    unknown = {"preview_id": "of-somebody", "consents": 7}
    shapeless = {"preview_id": story.shown["preview_id"], "consents": 7}

    assert heard(story.cancel(unknown)) == (404, "not_found")
    assert heard(story.cancel(shapeless)) == (422, "invalid_request")


@pytest.mark.parametrize(
    "path",
    ["/v1/numbers/+14155550199", "/v1/registrations/nobodys"],
    ids=["number", "registration"],
)
def test_404_before_403(story, path):
    token = story.life.token("acme", *MEMBER)

    assert heard(story.life.api("DELETE", path, token=token)) == (404, "not_found")


def test_422_before_the_stored_answer(story):
    good = consenting(story.shown)
    assert story.cancel(good).status == 200

    assert heard(story.cancel({**good, "consents": 7})) == (422, "invalid_request")
    assert story.cancel(good).status == 200


def test_the_stored_answer_before_403(story):
    good = consenting(story.shown)
    first = story.cancel(good)

    again = story.cancel(good, *MEMBER)

    assert (again.status, again.body) == (200, first.body)


def test_the_answer_stored_under_a_key_before_403(story):
    path = f"/v1/subscriptions/{story.subscription}/cancellation-previews"
    key = {"Idempotency-Key": "k"}
    first = story.cancel({}, path=path, headers=key)

    again = story.cancel({}, *MEMBER, path=path, headers=key)

    assert (again.status, again.body) == (201, first.body)
    assert heard(story.cancel({}, *MEMBER, path=path)) == (403, "role_required")


def test_the_stored_answer_before_staleness_and_consents(story):
    good = consenting(story.shown)
    first = story.cancel(good)
    story.goes_stale()
    story.life.wait(story.life.now + timedelta(days=1))

    again = story.cancel({"preview_id": good["preview_id"]})

    assert (again.status, again.body) == (200, first.body)


def test_422_before_403(story):
    assert heard(story.cancel({"consents": 7, "preview_id": story.shown["preview_id"]},
                              *MEMBER)) == (422, "invalid_request")  # fmt: skip


def test_403_before_409_stale(story):
    story.goes_stale()
    good = consenting(story.shown)

    assert heard(story.cancel(good, *MEMBER)) == (403, "role_required")
    assert heard(story.cancel(good)) == (409, "preview_stale")


def test_409_stale_before_422_reason_and_consents(story):
    story.goes_stale()
    bare = {"preview_id": story.shown["preview_id"]}

    reply = story.cancel(bare)

    assert heard(reply) == (409, "preview_stale")
    fresh = {"preview_id": reply.body["preview"]["preview_id"]}
    assert heard(story.cancel(fresh)) == (422, "reason_missing")


def test_409_stale_before_409_blocked_before_422_reason():
    story = Story("goto", "goto:webinar:month")
    story.life.control("fail_payment", customer=story.customer)
    story.life.move(story.life.now + timedelta(days=35))
    shown = story.life.preview("acme", story.subscription).body
    assert [one["code"] for one in shown["blockers"]] == ["outstanding_balance"]
    story.life.wait(story.life.now + timedelta(hours=2))

    stale = story.cancel({"preview_id": shown["preview_id"]})
    blocked = story.cancel({"preview_id": stale.body["preview"]["preview_id"]})

    assert heard(stale) == (409, "preview_stale")
    assert heard(blocked) == (409, "blocked")
    (blocker,) = blocked.body["blockers"]
    assert set(blocker) >= {"code", "title", "action"}
    assert set(blocker["action"]) == {"label", "href"}


def test_a_reason_is_asked_for_before_consents(story):
    good = consenting(story.shown)

    assert heard(story.cancel({**good, "reason": None, "consents": []})) == (422, "reason_missing")
    assert heard(story.cancel({**good, "consents": []})) == (422, "consent_missing")


def test_whatever_kind_of_repeat_409_idempotency_stands_after_422(story):
    path = "/v1/scheduled-messages"
    key = {"Idempotency-Key": "k"}
    token = story.life.token(None, "service")
    good = {"account_id": "acme", "messages": [
        {"id": "M1", "channel": "sms", "send_at": "2026-03-01T00:00:00Z",
         "price": {"amount": 1, "currency": "usd"}}]}  # fmt: skip
    assert story.life.api("POST", path, good, token=token, headers=key).status == 200

    other = {**good, "messages": [{**good["messages"][0], "id": "M2"}]}
    shapeless = {**good, "messages": 7}

    assert heard(story.life.api("POST", path, shapeless, token=token, headers=key)) == (
        *(422, "invalid_request"),
    )
    assert heard(story.life.api("POST", path, other, token=token, headers=key)) == (
        *(422, "idempotency_key_reused"),
    )
