"""Digital twins: Asset Administration Shells and submodels, built on demand from what the books say.

API (all pure):
    firm, machine, item, lot, order, purchase
              one module for each kind: input structs, ``shell``, ``submodel_names``, ``submodel``, ``gaps``
    templates IDTA submodel templates, filled from records and checked
    names     ids of shells, assets and submodels; idShorts
    elements  submodel elements in AAS 3.0 JSON
    metamodel documents of 3.0 and 3.1 as structs, canonical bytes, what stands against a document
    xml, aasx environments as XML, packages: read as tools write them, written as strict readers want them
    paths     idShortPath -> element; copies with one element placed, added or removed
    values    value-only, metadata, paths and references of elements; other values for them (``patches``, ``lexical``)
Not here: which book holds what (``engine/twins``), HTTP (``doors/aas``).
"""
