"""Anything that a peer might sign: messages with whatever their fields admit, and right ones with a wrong word."""

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

WORDS = st.one_of(
    st.sampled_from([
        "", "1", "2", "0", "-1", "10", "1.5", "1e5", "NaN", "Infinity", "-0", "0.001", "0.000001", "999999999999",
        "\u0661", "body", "stem", "铸件", "C62", "CNY", "JPY", "later", "partial", "cancel", "001", "002",
        "006", "007", "008", "009",
        "2026-12-01T08:00:00.000Z", "2026-13-01T08:00:00Z", "1" * 50, "x" * 3000, "\x00", "\ud7ff",
    ]),
    st.text(max_size=20),
)


@st.composite
def anything(draw, messages):
    """One of ``messages`` with whatever its type admits."""
    return draw(_built(messages[draw(st.sampled_from(sorted(messages)))]))


@st.composite
def bent(draw, message):
    """``message`` with one text in it replaced, if its type allows."""
    plain = msgspec.to_builtins(message)
    places = list(_texts(plain))
    if places:
        holder, key = draw(st.sampled_from(places))
        holder[key] = draw(WORDS)
    try:
        return msgspec.convert(plain, type(message))
    except msgspec.ValidationError:
        return message


def _built(kind):
    return st.builds(kind, **{one.name: _strategy(one.type) for one in inspect.type_info(kind).fields})


_STRATEGIES = {
    inspect.StrType: lambda _: WORDS,
    inspect.IntType: lambda _: st.integers(-(2**53) + 1, 2**53 - 1),
    inspect.BoolType: lambda _: st.booleans(),
    inspect.NoneType: lambda _: st.none(),
    inspect.LiteralType: lambda kind: st.sampled_from(kind.values),
    inspect.VarTupleType: lambda kind: st.lists(_strategy(kind.item_type), max_size=3).map(tuple),
    inspect.TupleType: lambda kind: st.tuples(*(_strategy(item) for item in kind.item_types)),
    inspect.DictType: lambda kind: st.dictionaries(WORDS, _strategy(kind.value_type), max_size=3),
    inspect.UnionType: lambda kind: st.one_of(*(_strategy(item) for item in kind.types)),
    inspect.StructType: lambda kind: _built(kind.cls),
}


def _strategy(kind):
    return _STRATEGIES[type(kind)](kind)


def _texts(plain):
    """(container, key) of every text in ``plain``."""
    for key, value in plain.items() if isinstance(plain, dict) else enumerate(plain):
        if isinstance(value, str):
            yield plain, key
        elif isinstance(value, dict | list):
            yield from _texts(value)
