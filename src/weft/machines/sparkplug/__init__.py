"""Machines behind Sparkplug edge nodes: we are the host application; a machine is an edge node or one of its devices.

Eclipse Sparkplug 3.0.0, namespace spBv1.0. Not run against the official compatibility kit (TCK); each of its statements
about hosts has a test of ours (tests/machines/sparkplug).
API:
    connection.SparkplugConnection   one machine
    hosts.Hosts                      our sessions with brokers: one host application for each, whatever hangs on it
    edge.Edge                        what is known of an edge node: births, deaths, order; pure
    payload                          the protobuf payload; pure
"""
