"""The front door: one address, behind which the controls, Stripe and the app answer."""

import json
import logging
from collections.abc import Callable
from urllib.parse import unquote

from chalicelib.log import NAME
from infra.local import page_bar
from infra.local.carrier import LocalCarrier
from infra.local.controls import Controls, json_object
from infra.local.example import Example
from infra.local.files import LocalFiles
from infra.local.gateway import Gateway
from infra.local.messages import Answer, Request, json_answer, problem
from infra.local.stripe_side import PREFIX, StripeSide
from infra.local.traffic import Traffic

log = logging.getLogger(f"{NAME}.local")


class Front:
    def __init__(
        self,
        *,
        controls: Controls,
        stripe: StripeSide,
        gateway: Gateway,
        carrier: LocalCarrier,
        traffic: Traffic,
        new_id: Callable[[], str],
        afterwards: Callable[[], object] = lambda: None,
        files: LocalFiles | None = None,
    ) -> None:
        self._controls, self._stripe, self._gateway = controls, stripe, gateway
        self._carrier, self._traffic, self._new_id = carrier, traffic, new_id
        self._files, self._afterwards = files, afterwards
        self.example: Example | None = None

    def answer(self, request: Request) -> Answer:
        try:
            return (
                self._controls.answer(request)
                or self._example_of(request)
                or page_bar.file(request)
                or self._file(request)
                or page_bar.above(request, self._pass_on(request))
            )
        except Exception:
            log.exception("request_failed method=%s path=%s", request.method, request.path)
            detail = "The local stack failed at this; its log says at what."
            return problem(500, "internal_error", detail, request_id=self._new_id())

    def _example_of(self, request: Request) -> Answer | None:
        """It speaks through this very door, so it is no control beside the others."""
        if request.path != "/_example" or self.example is None:
            return None
        try:
            if request.method == "GET":
                return json_answer({"accounts": self.example.accounts()})
            account_id = json_object(request).get("account_id")
            return json_answer({"did": self.example.fill(str(account_id))})
        except ValueError as error:
            return problem(400, "malformed_request", str(error), request_id=self._new_id())

    def _file(self, request: Request) -> Answer | None:
        return self._files.answer(request, self._new_id) if self._files is not None else None

    def _pass_on(self, request: Request) -> Answer:
        with self._traffic.passing():
            if request.path == PREFIX or request.path.startswith(f"{PREFIX}/"):
                answer = self._stripe.answer(request)
            else:
                answer = self._gateway.answer(request)
                tell_carrier(self._carrier, request, answer)
            # Whatever this set going at Stripe has arrived here before the caller hears of it, so that a test in any
            # language sees a settled world.
            self._stripe.deliver()
            self._afterwards()
            return answer


def tell_carrier(carrier: LocalCarrier, request: Request, answer: Answer) -> None:
    """What was put through the API with the provider `local` exists there."""
    kind, _, name = request.path.removeprefix("/v1/").partition("/")
    tell = {"numbers": carrier.rent_number, "registrations": carrier.register}.get(kind)
    if request.method != "PUT" or not 200 <= answer.status < 300 or tell is None or "/" in name:
        return
    body = json.loads(request.body)
    if body.get("provider") == "local":
        tell(unquote(name), str(body.get("provider_id", "")))
