"""The webhook's own entry: the one door that Stripe knocks at, and nothing that a cold start would load for others.

The same door stands in app.py among all the others: locally there is one app, and whatever is deployed is tried there.
"""

import gc

# What is loaded stays, and is not looked through for garbage again and again while it grows: a twentieth of the start.
gc.disable()

from chalice.app import Chalice  # noqa: E402

from chalicelib.handlers import webhook  # noqa: E402
from chalicelib.handlers.door import opened  # noqa: E402
from chalicelib.store import dynamo  # noqa: E402, F401 - with the rest, before anybody waits

PATH = "/webhooks/stripe"

app = Chalice(app_name="lapse")
opened(app, PATH, {"POST": webhook.answer})
gc.freeze()
gc.enable()
