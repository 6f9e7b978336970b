"""Which IDTA templates the twins of our books claim, and what has to be entered before they can claim the others.

Not here: the templates (``twin/templates``), a check against a template file (``cli/twin_check.py``).
"""

from typing import Any, Final

from weft.engine.twins import Twins
from weft.engine.views.shape import View
from weft.twin.names import read_submodel
from weft.twin.templates import BUILDERS

SHOWN: Final = 200  # shells with something lacking, when none is named
LOOKED_AT: Final = 5_000  # shells that are gone through for them
_SEMANTICS: Final = frozenset(one.SEMANTIC for one in BUILDERS.values())


class Lacking(View, frozen=True, kw_only=True):
    """What a template asks for and the books do not hold; the sentence is ``twin.gap.<code>`` with ``facts``."""

    template: str
    code: str
    facts: dict[str, str]


class Claims(View, frozen=True, kw_only=True):
    """One shell: the idShorts of submodels that follow a template, and what lacks for others."""

    shell: str
    claimed: tuple[str, ...]
    lacking: tuple[Lacking, ...]


class TemplatesView(View, frozen=True, kw_only=True):
    """``more``: further shells may lack something too; name one to see it."""

    shells: tuple[Claims, ...]
    more: bool = False


async def templates(node: Any, shell: str = "") -> TemplatesView:
    """The templates of ``shell``, or of all shells that lack something; raises ``NotFound('twin.shell')``."""
    twins = Twins(node)
    if shell:
        return TemplatesView(shells=(await _claims(twins, node.organisation, await twins.shell(shell)),))
    found: list[Claims] = []
    looked = 0
    async for one in twins.shells():
        looked += 1
        claims = await _claims(twins, node.organisation, one)
        if claims.lacking:
            found.append(claims)
        if len(found) > SHOWN or looked >= LOOKED_AT:
            break
    return TemplatesView(shells=tuple(found[:SHOWN]), more=len(found) > SHOWN or looked >= LOOKED_AT)


async def _claims(twins: Twins, organisation: str, shell: dict[str, Any]) -> Claims:
    claimed = []
    for reference in shell["submodels"]:
        name = reference["keys"][0]["value"]
        built = await twins.submodel(name)
        if built["semanticId"]["keys"][0]["value"] in _SEMANTICS:
            claimed.append((read_submodel(organisation, name) or ("", "", ""))[2])
    return Claims(shell=shell["id"], claimed=tuple(claimed), lacking=tuple(
        Lacking(template=one.template, code=one.code, facts=one.facts) for one in await twins.gaps(shell["id"])))
