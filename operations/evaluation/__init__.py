"""How good the detector is, on simulated pools whose truth is known: a plan of faults, its readings, the alarms."""
