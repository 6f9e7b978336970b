"""One of each kind, with everything that it can have."""

from weft.twin import elements as e
from weft.twin import item, lot, machine, order
from weft.twin.names import shell_id

ORG = "AxQ_hengtai-1"

MACHINE = machine.Machine(
    shell=shell_id(ORG, "machine", "数控 1"), name="数控 1", title="Lathe 1",
    titles={"zh": "数控车床", "en": "Lathe 1"},
    kind="lathe", thing='{"title":"Lathe 1"}', thing_id="urn:thing:1", address="opc.tcp://10.0.0.5:4840",
    scheme="opc.tcp", up=True, heard="2026-11-25T08:15:30.250Z",
    signals=(
        machine.Signal(name="speed", title="Spindle speed", type="number", unit="rpm", path="Spindle.Speed",
                       minimum="0", maximum="4000", value=1250.5, quality="good", at="2026-11-25T08:15:30.250Z"),
        machine.Signal(name="load", type="number", unit="%", path="Spindle.Load", value=40, quality="good"),
        machine.Signal(name="count", type="integer", value=17, quality="good"),
        machine.Signal(name="doorOpen", type="boolean", value=False, quality="good"),
        machine.Signal(name="alarm", type="string", value=None, quality="bad"),
        machine.Signal(name="power", type="number", submodel="Energy", path="Power", value=float("nan"),
                       quality="good"),
        machine.Signal(name="plate", submodel="Nameplate", path="Serial", value="S1", quality="good"),
        machine.Signal(name="again", type="number", path="Spindle", value=1.0, quality="good"),
    ),
    job=machine.CurrentJob(job="MO1-10", order="MO1", item="BODY-15", operation=10, state="Running", target="40",
                           good="17", started="2026-11-25T08:00:00.000Z"),
)
ITEM = item.Item(
    shell=shell_id(ORG, "item", "BV-15"), id="BV-15", firm="恒泰阀门", zh="球阀 DN15", en="Ball valve DN15",
    gtin="4012345111118", kind="product", weight_each="0.42", partner_numbers={"B7-shop": "明-001", "C9": "X/1"},
    components=(
        item.Component(shell=shell_id(ORG, "item", "BODY-15"), item="BODY-15", quantity="1"),
        item.Component(shell=shell_id(ORG, "item", "WIRE"), item="WIRE", quantity="0.25", unit="KGM"),
        item.Component(shell=shell_id(ORG, "item", "WIRE"), item="WIRE", quantity="2", source="buy"),
    ),
    on_hand="12", available="7.5", reorder_point="10",
)
LOT = lot.Lot(
    shell=shell_id(ORG, "lot", "炉7/31"), item_shell=shell_id(ORG, "item", "CAST-15"), id="炉7/31", item="CAST-15",
    quantity="40", owner=ORG, at={ORG: "10", "B7-jinggong": "30"}, heat="7/31", certificates=("EN10204-3.1", "合格证"),
    weight="16.8", partner="D1", production_order="MO1", why="purchase", received="2026-11-20T00:00:00.000Z",
    sources=("L1", "L2"),
)
ORDER = order.Order(
    shell=shell_id(ORG, "order", "MO1"), item_shell=shell_id(ORG, "item", "BV-15"), id="MO1", item="BV-15",
    quantity="40", made="17", due="2026-12-01T00:00:00.000Z", promise="2026-11-30T00:00:00.000Z", thread="T1",
    jobs=(order.Job(id="MO1-20", operation=20, state="AllowedToStart", quantity="40", zh="装配", en="Assemble"),
          order.Job(id="MO1-10", operation=10, state="Running", quantity="40", good="17", machine="数控 1",
                    started="2026-11-25T08:00:00.000Z")),
    materials=(order.Material(item="CAST-15", quantity="40", source="free-issue", arrived=True, lots=("炉7/31",)),
               order.Material(item="SEAL-15", quantity="40", source="buy", at="2026-11-28T00:00:00.000Z")),
)
EMPTY = (
    (machine, machine.Machine(shell=shell_id(ORG, "machine", "m"), name="m")),
    (item, item.Item(shell=shell_id(ORG, "item", "i"), id="i", firm="F")),
    (lot, lot.Lot(shell=shell_id(ORG, "lot", "l"), item_shell=shell_id(ORG, "item", "i"), id="l", item="i", owner=ORG)),
    (order, order.Order(shell=shell_id(ORG, "order", "o"), item_shell=shell_id(ORG, "item", "i"), id="o", item="i",
                        quantity="1")),
)
FULL = ((machine, MACHINE), (item, ITEM), (lot, LOT), (order, ORDER))
REFERENCE = e.model(("Submodel", "urn:x"))
EVERY_KIND = e.submodel("urn:x", "Sm", [
    e.prop("Pp", 1), e.range_("Rr", "0", "9"), e.multi("Mm", {"zh": "球阀"}), e.file("Ff", "/a.pdf", "application/pdf"),
    e.blob("Bb", b"a", "text/plain"), e.reference("Re", REFERENCE), e.relationship("Rl", REFERENCE, REFERENCE),
    e.element("AnnotatedRelationshipElement", "Ar", first=REFERENCE, second=REFERENCE, annotations=[e.prop("Pp", 1)]),
    e.entity("En", "urn:a", [e.prop("Pp", 1)]), e.element("Operation", "Op"), e.element("Capability", "Ca"),
    e.element("BasicEventElement", "Ev", observed=REFERENCE, direction="output", state="on"), e.texts("Ls", ["a", "b"]),
])


def environment(kind, thing):
    return {"assetAdministrationShells": [kind.shell(thing)],
            "submodels": [kind.submodel(thing, name) for name in kind.submodel_names(thing)]}
