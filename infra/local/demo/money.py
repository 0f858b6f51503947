"""Amounts as a person reads them: whole minor units, cut by the currency's own number of decimals."""

DECIMALS = {
    **dict.fromkeys(
        ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd",
         "vuv", "xaf", "xof", "xpf"), 0
    ),
    **dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 3),
}  # fmt: skip
USUAL_DECIMALS = 2


def spelled(amount: int, currency: str) -> str:
    """`−1,234.50 USD`, `500 JPY`, `1.250 KWD`."""
    decimals = DECIMALS.get(currency, USUAL_DECIMALS)
    whole, rest = divmod(abs(amount), 10**decimals)
    fraction = f".{rest:0{decimals}d}" if decimals else ""
    return f"{'−' if amount < 0 else ''}{whole:,}{fraction} {currency.upper()}"
