"""How simulated devices speak: the payloads, topics and transports of the controllers that venues have bought.

Written from each dialect's documents and not from what reads them in `ingest`, as somebody else's device would be.
"""
