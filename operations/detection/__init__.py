"""``landun detect`` and what it shares with ``landun evaluate``: files of readings through the monitor's detector."""
