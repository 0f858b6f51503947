"""dj-stripe in the smallest Django project, on SQLite: `dj_stripe_server.py DATABASE STRIPE SECRET`, in its own environment."""

import io
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import django
from django.conf import settings
from serving import serve

ENDPOINT = uuid.UUID("00000000-0000-4000-8000-000000000001")


def main(database: str, stripe: str, secret: str) -> None:
    settings.configure(
        SECRET_KEY="peers",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="dj_stripe_server",
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djstripe"],
        # The tables as they are today: playing its migrations takes half a minute, and gives the same.
        MIGRATION_MODULES=dict.fromkeys(("auth", "contenttypes", "djstripe")),
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": database,
                # As Django's documentation recommends it for a server.
                "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE",
                            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"},
                "CONN_MAX_AGE": None,
            }
        },
        LOGGING_CONFIG=None,
        STRIPE_API_HOST=stripe,
        STRIPE_TEST_SECRET_KEY="sk_test_000000000000000000000000",
        STRIPE_LIVE_MODE=False,
        DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    )  # fmt: skip
    django.setup()
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.management import call_command
    from djstripe.models import WebhookEndpoint

    call_command("migrate", run_syncdb=True, verbosity=0)
    WebhookEndpoint.objects.create(
        id="we_1", djstripe_uuid=ENDPOINT, secret=secret, livemode=False, enabled_events=["*"],
        status="enabled", url="https://example.com",
    )  # fmt: skip
    application = WSGIHandler()

    def answer(path: str, headers: Mapping[str, str], body: bytes) -> int:
        said: list[str] = []
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/webhook/{ENDPOINT}/",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_HOST": "127.0.0.1",
            "HTTP_STRIPE_SIGNATURE": headers["Stripe-Signature"],
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        }
        response = application(environ, lambda status, _headers, *_: said.append(status))
        b"".join(response)
        response.close()
        return int(said[0].split()[0])

    serve(answer)


def __getattr__(name: str) -> object:
    """The urls, which can only be had once Django is set up."""
    if name != "urlpatterns":
        raise AttributeError(name)
    from django.urls import include, path

    return [path("", include("djstripe.urls", namespace="djstripe"))]


if __name__ == "__main__":
    main(*sys.argv[1:])
