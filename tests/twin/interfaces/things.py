"""Thing Descriptions of four protocols, each as our own node stores them, and what a reader of AID gets of them."""

import copy

NOSEC = {"securityDefinitions": {"none": {"scheme": "nosec"}}, "security": ["none"]}
OPC_UA = {
    "@context": "https://www.w3.org/2022/wot/td/v1.1", "id": "urn:x:lathe", "title": "Lathe",
    "base": "opc.tcp://192.168.0.10:4840", **NOSEC, "properties": {
        "SpindleSpeed": {"title": "Spindle speed", "type": "number", "unit": "RPM", "minimum": 0, "maximum": 4000.5,
                         "observable": True, "forms": [{"href": "/?id=nsu=urn:maker;s=Speed",
                                                        "uav:browsePath": "/Root/Lathe/1:Speed"}]},
        "State": {"title": "State", "type": "integer", "observable": False, "forms": [{"href": "/?id=ns=2;i=8"}]},
    }}
MODBUS = {
    "@context": "https://www.w3.org/2022/wot/td/v1.1", "id": "urn:x:press", "title": "Press",
    "base": "modbus+tcp://192.168.0.11:502", **NOSEC, "properties": {
        "Force": {"title": "Force", "type": "number", "unit": "KN", "minimum": 0, "maximum": 800, "observable": True,
                  "forms": [{"href": "/1/40089?quantity=2", "modv:function": "readHoldingRegisters",
                             "modv:entity": "HoldingRegister", "modv:type": "xsd:float", "modv:timeout": 700,
                             "modv:zeroBasedAddressing": False, "modv:mostSignificantByte": True,
                             "modv:mostSignificantWord": False}]},
        "Closed": {"title": "Closed", "type": "boolean", "observable": True,
                   "forms": [{"href": "/1/3", "modv:entity": "DiscreteInput"}]},
    }}
MQTT = {
    "@context": "https://www.w3.org/2022/wot/td/v1.1", "id": "urn:x:meter", "title": "Meter",
    "base": "mqtt://192.168.0.12:1883", **NOSEC, "properties": {
        "Current": {"title": "Current", "type": "number", "unit": "AMP", "observable": True,
                    "forms": [{"href": "shop/meter/1", "mqv:qos": "1", "mqv:retain": True,
                               "mqv:controlPacket": "subscribe", "contentType": "application/json"}]},
    }}
HTTP = {
    "@context": "https://www.w3.org/2022/wot/td/v1.1", "id": "urn:x:oven", "title": "Oven",
    "base": "http://192.168.0.13:8080", **NOSEC, "properties": {
        "Mode": {"title": "Mode", "type": "string", "enum": ["heat", "cool"], "minLength": 4, "maxLength": 4,
                 "observable": True, "forms": [{"href": "/mode", "htv:methodName": "GET",
                                                "contentType": "application/json"}]},
    }}
ALL = {"opc ua": OPC_UA, "modbus": MODBUS, "mqtt": MQTT, "http": HTTP}
KEPT = ("title", "type", "unit", "minimum", "maximum", "minLength", "maxLength", "observable")  # of a property


def absolute(thing):
    """``thing`` with whole addresses: what ``@thingweb/aas-aid`` asks for."""
    made = copy.deepcopy(thing)
    for each in made["properties"].values():
        for form in each["forms"]:
            form["href"] = f"{thing['base']}/{form['href'].lstrip('/')}"
    return made
