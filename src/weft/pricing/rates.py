"""What a part made to a drawing costs by a rate card: the model ``machined-part/1``.

    a piece = kg × rate of the material + machine minutes of each class × its rate + finish
    a line  = piece × quantity + set-ups × rate, and never less than the minimum charge

Inputs are per piece, but for ``setups``, which counts per line:
``material`` ("" the standard one), ``kg``, ``minutes.<class>``, ``setups``, ``finish``, ``dm2``.
Rule 1: arithmetic is exact; every step can be redone on a pocket calculator.
Rule 2: an input that the card has no rate for is refused: nothing is given away, and nothing is taken, unseen.
Rule 3: a model never changes; another way to reckon is another name.
Not here: rules and tax on top (``evaluate.py``), what makes a card sound (``form.py``), where inputs come from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Final, NamedTuple

from weft.basis import quantity
from weft.basis.errors import Invalid
from weft.pricing.exact import written
from weft.pricing.schema import RateCard

MODEL: Final = "machined-part/1"
MINUTES: Final = "minutes."
INPUTS_MAX: Final = 24
_PLAIN: Final = ("material", "kg", "setups", "finish", "dm2")


class Worked(NamedTuple):
    """Price per piece and charge per line, exact; ``steps`` are (kind, name, by, result)."""

    piece: Fraction
    charge: Fraction
    steps: tuple[tuple[str, str, str, str], ...]
    inputs: dict[str, str]


@dataclass(frozen=True)
class Card:
    """A rate card made ready."""

    card: RateCard

    @cached_property
    def materials(self) -> dict[str, Fraction]:
        return {one.name: Fraction(one.price) for one in self.card.materials}

    @cached_property
    def minutes(self) -> dict[str, Fraction]:
        return {one.name: Fraction(one.price) for one in self.card.minutes}

    @cached_property
    def finishes(self) -> dict[str, tuple[Fraction, bool]]:
        return {one.name: (Fraction(one.price), one.per == "dm2") for one in self.card.finishes}

    @cached_property
    def setup(self) -> Fraction:
        return Fraction(self.card.setup)

    @cached_property
    def minimum(self) -> Fraction:
        return Fraction(self.card.minimum)

    def known(self) -> tuple[str, ...]:
        """The names of all inputs that this card can take."""
        return (*_PLAIN, *(MINUTES + name for name in self.minutes))


def work_out(ready: Card, given: Mapping[str, str]) -> Worked:
    """What ``given`` comes to by the sound card in ``ready``.

    Raises ``Invalid``: ``pricing.input-unknown``, ``pricing.input-missing``, ``pricing.input-value``.
    """
    inputs = _checked(ready, given)
    parts: list[Fraction] = []
    steps: list[tuple[str, str, str, str]] = []

    def add(kind: str, name: str, amount: str, rate: Fraction) -> None:
        parts.append(Fraction(amount) * rate)
        steps.append((kind, name, f"{amount} × {written(rate)}", written(parts[-1])))

    if "kg" in inputs:
        add("material", inputs["material"], inputs["kg"], ready.materials[inputs["material"]])
    for name, rate in ready.minutes.items():
        if MINUTES + name in inputs:
            add("minutes", name, inputs[MINUTES + name], rate)
    if "finish" in inputs:
        rate, by_area = ready.finishes[inputs["finish"]]
        add("finish", inputs["finish"], inputs["dm2"] if by_area else "1", rate)
    piece = sum(parts, Fraction(0))
    steps.append(("piece", "", " + ".join(written(one) for one in parts) or "0", written(piece)))
    charge = Fraction(0)
    if "setups" in inputs:
        charge = Fraction(inputs["setups"]) * ready.setup
        steps.append(("setups", "", f"{inputs['setups']} × {written(ready.setup)}", written(charge)))
    return Worked(piece, charge, tuple(steps), inputs)


def _checked(ready: Card, given: Mapping[str, str]) -> dict[str, str]:
    """``given`` with the standard material filled in, numbers in their one spelling, what is nought left out."""
    known = ready.known()
    for name in given:
        if name not in known:
            raise Invalid("pricing.input-unknown", name=name[:40], known=", ".join(known)[:200])
    amounts = {name: _amount(name, value) for name, value in given.items()
               if name not in {"material", "finish"} and value}
    inputs = {name: value for name, value in amounts.items() if value != "0"}
    if "setups" in inputs and "." in inputs["setups"]:
        raise Invalid("pricing.input-value", name="setups", value=inputs["setups"])
    if "kg" in inputs:
        standard = ready.card.materials[0].name if ready.card.materials else ""
        inputs["material"] = _listed("material", given.get("material") or standard, ready.materials)
    inputs |= _finish(ready, given.get("finish", ""), has_area="dm2" in inputs)
    if not inputs:
        raise Invalid("pricing.input-missing", name=", ".join(known)[:200])
    return inputs


def _finish(ready: Card, finish: str, *, has_area: bool) -> dict[str, str]:
    """The finish as an input; an area comes with a finish by area, and with no other."""
    by_area = finish != "" and ready.finishes[_listed("finish", finish, ready.finishes)][1]
    if by_area != has_area:
        raise Invalid("pricing.input-missing", name="dm2" if by_area else "finish")
    return {"finish": finish} if finish else {}


def _amount(name: str, value: str) -> str:
    """``value`` in its one spelling, with 6 decimals at most and not below nought."""
    try:
        number = quantity.decimal(value)
    except Invalid as error:
        raise Invalid("pricing.input-value", name=name, value=value[:40]) from error
    told = quantity.text(number)
    if number < 0 or len(told.partition(".")[2]) > 6:
        raise Invalid("pricing.input-value", name=name, value=value[:40])
    return told


def _listed(name: str, value: str, rates: Mapping[str, object]) -> str:
    if value not in rates:
        raise Invalid("pricing.input-unlisted", name=name, value=value[:40], listed=", ".join(rates)[:200] or "-")
    return value
