"""The webhook's own entry: the one door that Stripe knocks at, and nothing that a cold start would load for others.

The same door stands in app.py among all the others: locally there is one app, and whatever is deployed is tried there.
"""

from chalice.app import Chalice

from chalicelib.handlers import webhook
from chalicelib.handlers.door import opened

PATH = "/webhooks/stripe"

app = Chalice(app_name="lapse")
opened(app, PATH, {"POST": webhook.answer})
