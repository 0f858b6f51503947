"""docs/reference/settings.md: every setting of a deployment, and those of the local stack."""

from collections.abc import Iterator, Mapping

from infra.aws.settings import ASKED, KEPT, LOCAL_ONLY, MADE, OF_ONE_FUNCTION, SHARE_QUEUE, TELNYX
from infra.docs.tables import code, codes, made_from, table

LOCAL: Mapping[str, str] = {
    "LAPSE_PORT": "The one fixed port, 8765 if not given; 0 takes a free one. Several stacks run side by side.",
    "LAPSE_STATE": "A directory that keeps everything over restarts, also after the process was killed.",
    "LAPSE_START": "The first instant of a new stack, such as `2027-01-01T00:00:00Z`. The real present if not given.",
    "LAPSE_POLICY": "One more policy file.",
}


def page() -> str:
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield f"# Settings\n\n{made_from('infra/aws/settings.py')}\n"
    yield 'Only `chalicelib/settings.py` reads the environment. What a deployment is asked for is a parameter of its\ntemplate: `make deploy STAGE=… WITH="TokenIssuer=… JwksUrl=…"` ([how](../how-to/deploy.md)).\n'
    yield "## What a deployment says\n"
    rows = [
        (code(one.parameter), code(name), _otherwise(one.default), one.says)
        for name, one in ASKED.items()
    ]
    rows.append((code(TELNYX.parameter), "", _otherwise(TELNYX.default), TELNYX.says))
    yield table(("parameter", "variable", "otherwise", "what it says"), rows)
    yield "## Secrets\n\nOnly where each lies; it may be rotated while events arrive ([how](../how-to/rotate-secrets.md)).\n"
    kept = [(code(name), "every function that needs it") for name in KEPT]
    kept += [
        (code(name), f"{code(function)} alone")
        for function, its in OF_ONE_FUNCTION.items()
        for name in its
    ]
    yield table(("variable", "who has it"), kept)
    yield f"## What the template sets itself\n\n{codes([*MADE, SHARE_QUEUE])}.\n"
    yield f"Never deployed, only for the local stack: {codes(sorted(LOCAL_ONLY))}.\n"
    yield "## The local stack\n\n`LAPSE_PORT=9000 make run`\n"
    yield table(("variable", "what it does"), [(code(name), says) for name, says in LOCAL.items()])


def _otherwise(default: str | None) -> str:
    return "**needed**" if default is None else code(default) if default else "nothing"
