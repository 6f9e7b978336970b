"""What firms share: signed events in a graph, folded by rules, exchanged by heads."""
