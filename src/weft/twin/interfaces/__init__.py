"""Asset Interfaces Description (IDTA 02017): how an asset is reached, in the words of a W3C Thing Description.

``words``    what the two call the same things
``mappings`` how often values are asked for and how they are scaled, from the submodel beside it (IDTA 02027)
``reading``  a submodel of version 1.0, 1.1 or 1.2 as Thing Descriptions, with all that did not fit
Not here: making one from a Thing Description (``twin/templates/interfaces.py``).
"""
