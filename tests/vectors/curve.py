"""Points of edwards25519 by the book (RFC 8032 §5.1), slow and plain: to make what must be refused."""

import base64
import hashlib

ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD = 2**255 - 19
D = -121665 * pow(121666, -1, FIELD) % FIELD
NEUTRAL = (0, 1)


def point(y, sign=0):
    """The point with this ``y`` and the parity ``sign`` of x; None when there is none."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if (x * x - square) % FIELD:
        x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
    if (x * x - square) % FIELD:
        return None
    return (x if x & 1 == sign else -x % FIELD), y


def add(one, two):
    (x1, y1), (x2, y2) = one, two
    k = D * x1 * x2 * y1 * y2 % FIELD
    return ((x1 * y2 + x2 * y1) * pow(1 + k, -1, FIELD) % FIELD, (y1 * y2 + x1 * x2) * pow(1 - k, -1, FIELD) % FIELD)


def times(number, one):
    total = NEUTRAL
    while number:
        total = add(total, one) if number & 1 else total
        one, number = add(one, one), number >> 1
    return total


def encoded(one):
    return (one[1] | (one[0] & 1) << 255).to_bytes(32, "little")


BASE = point(4 * pow(5, -1, FIELD) % FIELD)
TORSION = next(found for y in range(2, 99) if (one := point(y)) and times(4, found := times(ORDER, one)) != NEUTRAL)


class Mixed:
    """Signs with a key of mixed order, so that those who do not look at the key's order take it for good."""

    def __init__(self, number):
        self._key = Key(number, add(times(number, BASE), TORSION))
        self.public = base64.urlsafe_b64encode(self._key.public).rstrip(b"=").decode()

    def sign(self, message):
        for nonce in range(1, 1_000):
            first = encoded(times(nonce, BASE))
            if int.from_bytes(hashlib.sha512(first + self._key.public + message).digest(), "little") % ORDER % 8 == 0:
                return self._key.sign(message, nonce)
        raise AssertionError("one in eight fits")


class Key:
    """A private number with its public point, which may be one that nobody should accept."""

    def __init__(self, number, public=None):
        self.number = number
        self.public = encoded(public or times(number, BASE))

    def sign(self, message, nonce, commitment=None, more=0):
        """A signature whose first half may be another point, and whose second half may be ``more``."""
        first = encoded(commitment or times(nonce, BASE))
        challenge = int.from_bytes(hashlib.sha512(first + self.public + message).digest(), "little")
        return first + ((nonce + challenge * self.number) % ORDER + more).to_bytes(32, "little")
