"""Amounts as people read them. The point is set between the digits; nothing is divided."""

from chalicelib.domain.money import Money

WITHOUT_DECIMALS = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv",
     "xaf", "xof", "xpf")
)  # fmt: skip
THREE_DECIMALS = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))


def amount(money: Money, language: str) -> str:
    """`1.26 USD`; in French `1,26 USD`."""
    places = decimals(money.currency)
    digits = str(abs(money.amount)).rjust(places + 1, "0")
    point = "," if language == "fr" else "."
    shown = digits if not places else f"{digits[:-places]}{point}{digits[-places:]}"
    return f"{'-' if money.amount < 0 else ''}{shown} {money.currency.upper()}"


def decimals(currency: str) -> int:
    if currency in WITHOUT_DECIMALS:
        return 0
    return 3 if currency in THREE_DECIMALS else 2
