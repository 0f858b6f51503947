"""Why nothing was packaged."""


class CannotPackage(Exception):
    """The message is a sentence that says what is wrong and what to do."""
