"""`python -m infra.docs.metrics` writes docs/reference/metrics.md from the table of measures and the table of alarms."""

from __future__ import annotations

from chalicelib.measures import MEASURES, NAMESPACE, names
from infra.packaging.alarms import ALARMS
from infra.packaging.dependencies import ROOT

HEAD = f"""# Metrics and alarms

Made by `python -m infra.docs.metrics` from `chalicelib/measures.py` and `infra/packaging/alarms.py`; a test compares.

Every metric is in the namespace `{NAMESPACE}`, with the one dimension `service` = `lapse-STAGE`. A metric is counted by the
log line of its event, which carries it in CloudWatch's embedded metric format: whoever follows a metric to its lines
searches the log groups `/lapse/STAGE/…` for the event's name.

| metric | unit | what it says | events |
|---|---|---|---|
"""


def page() -> str:
    rows = [
        f"| `{name}` | {one.unit} | {one.says} | {', '.join(f'`{event}`' for event in _events(name))} |"
        for name, one in sorted(names().items())
    ]
    alarms = [
        f"| `lapse-STAGE-{alarm.name}` | `{alarm.measure}` {alarm.stat.lower()} > {alarm.above:g} in {alarm.seconds // 60} min"
        f"{f', any of {alarm.periods}' if alarm.periods > 1 else ''} | {alarm.says} |"
        for alarm in ALARMS
    ]
    return (
        HEAD
        + "\n".join(rows)
        + "\n\n## Alarms\n\nThe most important first. Besides these, AWS's own metrics are watched: the queue of failed runs, the"
        "\nwebhook's silence, the stream's age, errors and throttling of the two doors, and each job that is not called.\n\n"
        "| alarm | when | what it means |\n|---|---|---|\n" + "\n".join(alarms) + "\n"
    )


def _events(name: str) -> list[str]:
    return [event for event, row in MEASURES.items() if any(one.name == name for one in row)]


if __name__ == "__main__":
    (ROOT / "docs/reference/metrics.md").write_text(page(), encoding="utf-8")
