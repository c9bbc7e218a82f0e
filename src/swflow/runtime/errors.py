"""The one error that users are meant to see."""


class InputError(ValueError):
    """Something given cannot be used: the message says what, what is allowed, and the remedy."""
