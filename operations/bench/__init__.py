"""``landun bench``: measurements, each of which prints one JSON line."""
