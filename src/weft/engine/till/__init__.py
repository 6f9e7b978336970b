"""The node's side of the tills: letting them in, what they must know, and taking in what they have sold."""
