"""What a seller shows its partner of its prices in their relationship: its book, its bonds, and slips on account.

Rule 1: these words fold to nothing, so that a node which does not know them comes to the same state.
Not here: when they are said and what becomes of them (``engine/pricelog``), their form (``relationship.py``).
"""

import msgspec

from weft.basis.decider import Message


class PriceBookShown(Message, frozen=True, kw_only=True):
    """Who sells shows a version of its price book, before it first quotes from it to this partner.

    ``deflated``: its canonical bytes, raw deflate, base64url. ``leaf``: its entry in the seller's price record;
    ``proof``: that it stands there (C2SP tlog-proof). It folds to nothing, as ``MailboxesNamed`` does.
    """

    hash: str
    deflated: str
    leaf: str = ""
    proof: str = ""


class PriceOpening(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a batch of ``n`` commits to ``document`` (an event id, or a slip's hash); hashes are base64url."""

    document: str
    salt: str
    index: int
    n: int
    path: tuple[str, ...]


class PricesCommitted(Message, frozen=True, kw_only=True):
    """Who sells shows that its price record has bound it to these documents of the two since the batch ``leaf``.

    ``proof``: that the leaf stands there (C2SP tlog-proof). It folds to nothing, as ``MailboxesNamed`` does.
    """

    leaf: str
    proof: str
    openings: tuple[PriceOpening, ...]


class SlipShown(Message, frozen=True, kw_only=True):
    """Who bills what a till sold on account shows the slip: as text, with its till's signature.

    By it the partner checks the bill's prices. It folds to nothing, as ``PriceBookShown`` does.
    """

    slip: str
