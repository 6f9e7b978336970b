"""One full record for each template."""

from weft.basis.zone import fixed
from weft.twin.names import shell_id
from weft.twin.templates import (
    calendar,
    capabilities,
    footprint,
    handover,
    interfaces,
    mapping,
    nameplate,
    processes,
    purchase,
    series,
    structure,
    technical,
)
from weft.twin.templates.parts import Party

ORG = "AxQ_hengtai-1"
FIRM = Party(
    organisation=ORG, name="恒泰阀门", lang="zh", street="玉海街 8 号", zipcode="325200", city="瑞安", state="浙江",
    country="CN", telephone="+86 577 1234567", email="sales@hengtai.example", address="浙江省瑞安市玉海街 8 号",
    tax_number="91330381MA2AT7KX4R", url="https://hengtai.example")
TITLES = {"zh": "球阀 DN15", "en": "Ball valve DN15"}
STEP = processes.Step(
    number=10, titles={"zh": "车", "en": "Turn"}, planned_s="PT60S", product={"Item": "BV-15", "Quantity": "40"},
    set_points={"SpindleSpeed": "1250", "Feed": "0.2"}, resources={"WorkCentre": "LATHE", "Program": "O100"},
    materials=(processes.Material(item="CAST-15", quantity="1", lots=("C-7",)),), state="Ended", good="38", scrap="2",
    started="2026-11-25T08:00:00.000Z", ended="2026-11-25T09:00:00.000Z", scrapped={"tool": "2"})
THING = """{"@context": "https://www.w3.org/2022/wot/td/v1.1", "id": "urn:x:lathe", "title": "Lathe",
 "titles": {"zh": "数控车床", "en": "Lathe"}, "created": "2026-11-25T08:00:00Z", "support": "https://weft.example/help",
 "base": "opc.tcp://192.168.0.10:4840", "securityDefinitions": {"channel": {"scheme": "uav:channel-security",
 "uav:securityMode": "signAndEncrypt", "uav:securityPolicy": "Basic256Sha256"}, "login": {"scheme": "basic"}},
 "security": ["channel", "login"], "weft:pollingMs": 250, "properties": {
 "SpindleSpeed": {"title": "Spindle speed", "type": "number", "unit": "RPM", "minimum": 0, "maximum": 4000.5,
  "observable": true, "weft:write": true, "weft:role": "setpoint",
  "forms": [{"href": "/?id=nsu=urn:maker;s=Speed", "contentType": "application/octet-stream",
   "uav:browsePath": "/Root/Lathe/1:Speed"}]},
 "Temperature": {"title": "Temperature", "description": "At the spindle", "type": "number", "weft:scale": 0.1,
  "weft:offset": -273.15, "forms": [{"href": "/?id=ns=2;i=7", "weft:pollingMs": 2000}]},
 "主轴 state": {"title": "State", "type": "string", "enum": ["on", "off"], "minLength": 2, "maxLength": 3,
  "observable": false, "default": "off", "forms": [{"href": "/?id=ns=2;i=8"}]},
 "Axes": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "object", "properties": {
  "x-y": {"type": "integer", "const": 7, "minimum": 1}}}, "forms": [{"href": "/?id=ns=2;i=9"}]},
 "Tool": {"type": "integer", "forms": [{"href": "/?id=ns=2;i=11", "weft:pointer": "/job/tools/1/number"}]}},
 "actions": {"StartJob": {"weft:role": "start", "forms": [{"href": "/?id=ns=2;i=10"}]}}}"""
DESCRIBED = interfaces.described("L1", THING)
MAPPED = mapping.Mapped(shell=shell_id(ORG, "item", "BV-15"), described=DESCRIBED, places={
    "SpindleSpeed": mapping.Place("urn:x:OperationalData", ("SpindleSpeed",)),
    "Temperature": mapping.Place("urn:x:OperationalData", ("Spindle", "Temperature")),
    "主轴 state": mapping.Place("urn:x:OperationalData", ("State",))})
RECORDS = {
    "Nameplate": nameplate.Product(maker=FIRM, asset=shell_id(ORG, "item", "BV-15") + ":asset", item="BV-15",
                                   titles=TITLES, lot="L1", made="2026-11-25"),
    "TechnicalData": technical.Data(firm=FIRM.name, item="BV-15", titles=TITLES, unit="C62", kind="product",
                                    gtin="4012345111118", weight_each="0.42"),
    "BillOfMaterial": structure.Bill(shell=shell_id(ORG, "item", "BV-15"), components=(
        structure.Component(shell=shell_id(ORG, "item", "BODY-15"), item="BODY-15", quantity="1"),
        structure.Component(shell=shell_id(ORG, "item", "WIRE"), item="WIRE", quantity="0.25", unit="KGM"))),
    "TimeSeries": series.Series(machine="L1", titles={"zh": "数控车床", "en": "Lathe"}, up=lambda: True,
                                url=FIRM.url, zone=fixed(480),
                                kept=lambda: (1_763_700_000_000, 1_764_058_530_900), columns=(
        series.Column(name="SpindleSpeed", title="Spindle speed", unit="rpm",
                      points=((1_764_058_529_100, 1249.5), (1_764_058_530_250, 1250))),
        series.Column(name="Parts", type="integer", points=((1_764_058_530_900, 17),)))),
    "CapabilityDescription": capabilities.Abilities(
        machine="L1", capabilities={"turning": {"zh": "车床", "en": "Lathe"}}, limits=(
            capabilities.Limit(name="SpindleSpeed", title="Spindle speed", unit="rpm", minimum="0", maximum="4000"),
            capabilities.Limit(name="Feed", maximum="0.5"))),
    "CarbonFootprint": footprint.Footprint(item="BV-15", unit="C62", co2_kg="1.85", co2_methods=("ISO 14067",),
                                           co2_phases=("A1", "A3"), co2_at="2026-06-01T00:00:00Z"),
    "ProductionCalendar": calendar.Calendar(
        machine="L1", id="two-shift", titles={"zh": "两班", "en": "Two shifts"}, zone=fixed(480),
        shifts=((0, 480, 960), (0, 960, 1440), (4, 1320, 1800)),
        special=(calendar.Special("2026-10-01", (), "国庆节"), calendar.Special("2026-10-10", ((480, 960),), "调休"))),
    "PurchaseOrder": purchase.Purchase(
        thread="T1", number="PO-7", buyer=FIRM, seller="B7-jinggong", seller_name="精工机加", currency="CNY",
        at="2026-11-20T08:00:00.000Z", changed="2026-11-21T08:00:00.000Z", status="confirmed", quotation="Q-3",
        gross="1017", note="请带合格证", lines=(
            purchase.Line(line="1", item="BODY-15", titles={"zh": "阀体", "en": "Body"}, quantity="40", unit="C62",
                          unit_price="22.5", net="900", tax="117", tax_category="S", tax_percent="13",
                          promise="2026-12-01T00:00:00.000Z", buyer_item="HT-BODY"),)),
    "ProcessParameters": processes.Routing(item="BV-15", steps=(STEP,)),
    "ExecutedProcesses": processes.Run(order="MO1", result="Done", steps=(STEP,)),
    "ContactInformations": FIRM,
    "AssetInterfacesDescription": DESCRIBED,
    "AssetInterfacesMappingConfiguration": MAPPED,
    "AssetInterfacesMappingRelations": mapping.Related(MAPPED),
    "HandoverDocumentation": handover.Papers(
        lot="L1", item="BV-15", issuer="精工机加", at="2026-11-25", keeper=FIRM,
        papers=("EN10204-3.1 https://papers.example/7-31.pdf", "https://papers.example/coc.xml")),
}
