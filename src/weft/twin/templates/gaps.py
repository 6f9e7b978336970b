"""What a template asks for and the firm has not recorded: nothing is invented, the template is not claimed.

Not here: what is wrong with a submodel that is there (``check.py``).
"""

import msgspec


class Gap(msgspec.Struct, frozen=True):
    """``template`` (its idShort with us) is not claimed because of ``code``; the sentence is ``twin.gap.<code>``.

    ``facts`` name what is missing; the sentence says where to enter it.
    """

    template: str
    code: str
    facts: dict[str, str] = {}
