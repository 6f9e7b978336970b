"""The query language of Asset Administration Shells (AASQL): read, checked, and held against one twin.

IDTA-01002 v3.1, query language; access rules (``twin/access``) use the same formulas.

    parse            decoded JSON -> ``Query``; every mistake names its JSON pointer
    parse_condition  a formula alone
    parse_text       the text form of grammar.bnf -> ``Query``; ``text_of`` writes it
    holds            condition, document, kind -> bool
    index            the rows that a store keeps so that it need not open each document
Not here: SQL (``stores/twins/asking``), who may ask (``twin/access``).
"""

from weft.twin.query.holding import holds, looks_beside
from weft.twin.query.reading import parse, parse_condition
from weft.twin.query.text import parse_text, text_of
from weft.twin.query.tree import Condition, Query

__all__ = ["Condition", "Query", "holds", "looks_beside", "parse", "parse_condition", "parse_text",
           "text_of"]
