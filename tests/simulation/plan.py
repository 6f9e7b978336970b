"""What a seed decides before a world begins: who trades with whom, how much is said, and how bad it gets.

Rule 1: everything is drawn from the seed, so that a seed replays; nothing is read from outside but what was asked for.
Not here: when a fault strikes (``faults.py``), who lies how (``liars.py``).
"""

import random
from dataclasses import dataclass

CONTROLS = ("", "hasty", "keyless", "same-incarnation", "sequence-vectors", "late-fork-check", "gossip")
FACTORIES = 0.1  # worlds of whole factories cost several times as much
NAMES = ("shop", "maker", "foundry", "steel", "plater")
CHAINS = (("shop", "maker"), ("maker", "foundry"), ("foundry", "steel"), ("shop", "steel"), ("maker", "plater"),
          ("plater", "steel"), ("shop", "foundry"))
LIES = ("equivocated", "equivocated on an old word", "equivocated above what it holds back", "replayed", "withheld",
        "forged", "denied by the rules", "orphans", "asked for another's thread")


@dataclass(frozen=True, slots=True)
class Plan:
    """``links`` are (buyer, seller); ``hidden`` are firms that nobody can reach: they poll."""

    store: str
    control: str
    names: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    hidden: frozenset[str]
    loss: float
    doubling: float
    crashes: int
    crashes_in_effects: int
    cuts: int
    writes: int
    delay_s: float
    jumps: int
    restores: int
    bundles: int
    liar: str
    lies: tuple[str, ...]
    lies_count: int
    blind: str
    factories: bool = False

    @classmethod
    def drawn(cls, luck: random.Random, store: str, control: str) -> "Plan":
        """The plan of one seed; ``factories``: all firms are whole ones, with every book and every reaction."""
        names = NAMES[:luck.choice((4, 4, 5))]
        links = tuple(link for link in CHAINS if set(link) <= set(names))
        return cls(
            store=store, control=control, names=names, links=links,
            hidden=frozenset({luck.choice(names)} if luck.random() < 0.5 else ()),  # two such could never meet
            loss=luck.choice((0.0, 0.1, 0.3)), doubling=luck.choice((0.0, 0.2)), crashes=luck.randint(0, 8),
            crashes_in_effects=luck.randint(0, 3), cuts=luck.randint(0, 3), writes=luck.randint(60, 90),
            delay_s=luck.choice((0.05, 0.4, 2.0)), jumps=luck.choice((0, 0, 1, 3)), restores=luck.choice((0, 0, 1, 2)),
            bundles=luck.choice((0, 2, 5)), liar=luck.choice(("", "shop", "maker")),
            lies=tuple(luck.sample(LIES, luck.randint(1, len(LIES)))), lies_count=luck.randint(2, 10),
            blind=luck.choice(("", "foundry")),
            factories=luck.random() < FACTORIES and not control,
        )  # fmt: skip
