"""Errors a caller can act on: each has a stable code, the facts to fill its sentence, and no secrets.

    WeftError
    ├── Invalid       what came in is malformed or breaks a rule of form   (HTTP 400/422)
    ├── Refused       well formed, but not allowed in the present state    (HTTP 409)
    ├── Denied        the caller may not do this                           (HTTP 401/403)
    ├── NotFound      no such thing, or none that this caller may see      (HTTP 404)
    └── Unavailable   it cannot be done now; later it may                  (HTTP 503)

Rule 1: ``code`` never changes once released; the sentence for people is ``error.<code>`` in ``locale/``.
Rule 2: ``facts`` hold what, where and how to mend, as plain strings and integers; never a secret.
Not here: HTTP answers (each door's ``problems.py``), programmer errors (``assert``).
"""


class WeftError(Exception):
    """Base of all errors that a caller can act on.

    ``code`` is a stable dotted name such as ``order.over-despatch``; ``facts`` fill the sentence.
    """

    def __init__(self, code: str, **facts: str | int) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in sorted(self.facts.items()))
        return f"{self.code} ({told})" if told else self.code


class Invalid(WeftError):
    """What came in is malformed or breaks a rule of form."""


class Refused(WeftError):
    """Well formed, but not allowed in the present state."""


class Denied(WeftError):
    """The caller may not do this."""


class NotFound(WeftError):
    """No such thing, or none that this caller may see."""


class Unavailable(WeftError):
    """It cannot be done now; later it may."""
