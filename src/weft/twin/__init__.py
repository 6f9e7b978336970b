"""Digital twins: Asset Administration Shells and submodels, built on demand from what the books say.

API (all pure):
    machine, item, lot, order, purchase
              one module for each kind: input structs, ``shell``, ``submodel_names``, ``submodel``, ``gaps``
    templates IDTA submodel templates, filled from records and checked
    names     ids of shells, assets and submodels; idShorts
    elements  submodel elements in AAS 3.0 JSON
    paths     idShortPath -> element
    values    value-only, metadata, paths and references of elements
Not here: which book holds what (``engine/twins``), HTTP (``doors/aas``).
"""
