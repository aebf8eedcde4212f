"""Errors that an operator can act on: printed as one line, without a traceback, with exit status 2."""


class OperatorError(Exception):
    """Something the operator can put right; the message says what is wrong and what would be right."""
