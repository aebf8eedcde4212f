"""Measurements, never tests: each module prints one JSON line. `landun bench` and `make bench` run them.

Absolute times depend on the machine of the day, so a figure is given beside, or as a ratio to, something
measured in the same run.
"""
