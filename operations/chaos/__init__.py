"""``landun chaos``: kill, cut, plant; then hold every record of every device against the tables.

The parts are the real ones: embedded PostgreSQL, the broker, ``landun ingest`` and ``landun monitor`` under the
supervisor of ``landun up``. The devices are the simulators' own, with an append-only record of what they published and
what was acknowledged. Every connection between parts goes through a TCP proxy that can be cut, blackholed or slowed.
"""
