"""`lapse`: the operator's command line. It only parses and prints; what it does, the app does."""

import argparse
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    parser().parse_args(arguments)
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="lapse",
        description="Look after the subscriptions that are cancelled, resumed and ended with Lapse.",
    )
    top.add_argument("--version", action="version", version="lapse 0.1.0")
    return top
