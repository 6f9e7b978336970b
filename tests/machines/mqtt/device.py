"""A foreign device: paho-mqtt in a process of its own; it tells its values, takes what is set, and has a last will.

    python device.py PORT NAME=JSON …

Under ``dev/``: ``NAME`` (retained JSON) for each value, then ``online`` (retained). ``set/NAME`` (JSON) changes one.
"""

import json
import sys
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion


def main(port: int, values: dict[str, Any]) -> None:
    """Run until killed."""
    client = Client(CallbackAPIVersion.VERSION2, "device", protocol=MQTTProtocolVersion.MQTTv5)

    def tell(name: str) -> None:
        client.publish(f"dev/{name}", json.dumps(values[name]), qos=1, retain=True)

    def connected(*_: Any) -> None:
        client.subscribe("dev/set/#", 1)
        for name in values:
            tell(name)
        client.publish("dev/online", "online", qos=1, retain=True)

    def heard(_client: Client, _data: Any, message: MQTTMessage) -> None:
        name = message.topic.rpartition("/")[2]
        values[name] = json.loads(message.payload)
        tell(name)

    client.on_connect, client.on_message = connected, heard
    client.will_set("dev/online", "offline", qos=1, retain=True)
    client.reconnect_delay_set(1, 1)
    client.connect("127.0.0.1", port, keepalive=60)
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), {name: json.loads(value) for name, _, value in (one.partition("=") for one in sys.argv[2:])})
