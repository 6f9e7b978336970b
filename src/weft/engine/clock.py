"""The only place that knows the time and draws random bytes."""

import secrets
import time


class SystemClock:
    """The machine's clock, in milliseconds since 1970."""

    def now_ms(self) -> int:
        """Present time in milliseconds since 1970-01-01T00:00Z."""
        return time.time_ns() // 1_000_000


def system_random(length: int) -> bytes:
    """``length`` unguessable bytes."""
    return secrets.token_bytes(length)
