"""The local controls: routes that exist only here, for a person, a demo or a test in any language."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalicelib.domain.moments import from_rfc3339, rfc3339
from infra.local.carrier import LocalCarrier
from infra.local.clock import MovableClock
from infra.local.durations import later
from infra.local.faults import Faults
from infra.local.messages import Answer, Request, json_answer, problem
from infra.local.outbox import Outbox
from infra.local.saas import LocalSaas
from infra.local.time_travel import TimeTravel
from infra.local.tokens import Tokens
from infra.local.traffic import Traffic

Control = Callable[[Request], Any]


class Controls:
    def __init__(
        self,
        *,
        clock: MovableClock,
        travel: TimeTravel,
        traffic: Traffic,
        tokens: Tokens,
        carrier: LocalCarrier,
        outbox: Outbox,
        saas: LocalSaas,
        faults: Faults,
        new_id: Callable[[], str],
    ) -> None:
        self._clock, self._travel, self._traffic = clock, travel, traffic
        self._tokens, self._carrier, self._outbox, self._faults = tokens, carrier, outbox, faults
        self._saas, self._new_id = saas, new_id
        self.routes: dict[str, dict[str, Control]] = {
            "/_clock": {"GET": self._read_clock, "POST": self._move_clock},
            "/_tokens": {"POST": self._sign},
            "/_carrier": {"GET": self._read_carrier},
            "/_outbox": {"GET": self._read_outbox},
            "/_saas": {"GET": self._read_saas, "POST": self._put_at_saas},
            "/_faults": {"GET": self._read_faults, "POST": self._order_faults},
        }

    def answer(self, request: Request) -> Answer | None:
        """None when the request is for somebody else."""
        methods = self.routes.get(request.path.rstrip("/"))
        if methods is None:
            return None
        control = methods.get("GET" if request.method == "HEAD" else request.method)
        if control is None:
            allowed = ", ".join(sorted(methods))
            detail = f"{request.method} is not possible here. Possible are: {allowed}."
            return self._refusal(405, "method_not_allowed", detail, (("Allow", allowed),))
        try:
            return json_answer(control(request))
        except ValueError as error:
            return self._refusal(400, "malformed_request", str(error))

    def _refusal(
        self, status: int, code: str, detail: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> Answer:
        return problem(status, code, detail, request_id=self._new_id(), headers=headers)

    def _read_clock(self, _: Request) -> dict[str, Any]:
        return {"now": rfc3339(self._clock.now())}

    def _move_clock(self, request: Request) -> dict[str, Any]:
        wanted = json_object(request)
        walks = wanted.pop("walks", True)
        if not isinstance(walks, bool):
            raise ValueError("walks must be true or false.")
        with self._traffic.alone():
            if "to_next" in wanted:
                only(wanted, "to_next")
                if wanted["to_next"] is not True:
                    raise ValueError("to_next must be true.")
                ran = self._travel.move_to_next()
            else:
                ran = self._travel.move_to(target(wanted, self._clock.now()), walks=walks)
            return {"now": rfc3339(self._clock.now()), "ran": [one.view() for one in ran]}

    def _sign(self, request: Request) -> dict[str, Any]:
        return {"token": self._tokens.sign(json_object(request), self._clock.now())}

    def _read_carrier(self, _: Request) -> dict[str, Any]:
        return self._carrier.view()

    def _read_outbox(self, _: Request) -> dict[str, Any]:
        return self._outbox.view()

    def _read_saas(self, _: Request) -> dict[str, Any]:
        return self._saas.view()

    def _put_at_saas(self, request: Request) -> dict[str, Any]:
        self._saas.put(json_object(request))
        return self._saas.view()

    def _read_faults(self, _: Request) -> dict[str, Any]:
        return self._faults.view()

    def _order_faults(self, request: Request) -> dict[str, Any]:
        self._faults.order(json_object(request))
        return self._faults.view()


def target(wanted: dict[str, Any], now: datetime) -> datetime:
    """The instant that `to` or `by` means. Raises ValueError with a sentence."""
    if "to" in wanted:
        only(wanted, "to")
        return not_before(now, instant(wanted["to"]))
    if "by" in wanted:
        only(wanted, "by")
        if not isinstance(wanted["by"], str):
            raise ValueError("by must be an ISO 8601 duration, such as P14D, P1Y or PT36H.")
        return later(now, wanted["by"])
    raise ValueError('Say where to: {"to": instant}, {"by": duration} or {"to_next": true}.')


def instant(text: Any) -> datetime:
    try:
        moment = from_rfc3339(text)
        fraction = datetime.fromisoformat(text).microsecond
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            "to must be an instant with an offset, such as 2027-01-31T00:00:00Z."
        ) from None
    if fraction:
        raise ValueError("The clock knows whole seconds only.")
    return moment


def not_before(now: datetime, moment: datetime) -> datetime:
    if moment < now:
        raise ValueError(f"The clock never goes back: it is {rfc3339(now)} already.")
    return moment


def only(wanted: dict[str, Any], name: str) -> None:
    if others := {"to", "by", "to_next"} & set(wanted) - {name}:
        raise ValueError(f"{name} and {min(others)} cannot be asked for together.")


def json_object(request: Request) -> dict[str, Any]:
    try:
        wanted = json.loads(request.body)
    except (ValueError, RecursionError):
        raise ValueError("The body must be a JSON object.") from None
    if not isinstance(wanted, dict):
        raise ValueError("The body must be a JSON object.")
    return wanted
