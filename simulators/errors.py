"""Commands that cannot be carried out; the message names the value and what would be right."""


class UnknownError(LookupError):
    """A site, sampling point or fault that does not exist."""


class NotAllowedError(ValueError):
    """A value outside what is allowed."""


class ConflictError(ValueError):
    """What is asked for is so already."""
