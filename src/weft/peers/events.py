"""All ways in which changes of the twins are delivered, put together.

Not here: one file for each way beside this one, when something is sent (``engine/twins/delivering.py``).
"""

from collections.abc import Callable

from weft.engine.node import Node
from weft.engine.twins.delivering import Deliveries
from weft.engine.twins.subscriptions import Safe
from weft.peers.guard import Guard
from weft.peers.mqtt import MqttBrokers
from weft.peers.webhook import HttpWebhooks


def deliveries(node: Node, guard: Guard, safe: Safe, there: Callable[[], bool]) -> Deliveries:
    """Deliveries of ``node`` as far as ``guard`` lets them; ``there``: whether it has a store of twins already."""
    return Deliveries(node, {"webhook": HttpWebhooks(guard, node.clock), "mqtt": MqttBrokers(guard)}, safe, there)
