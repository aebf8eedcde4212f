"""Committed reading → warning: the judge, the alarms, silence of devices, and the service that folds the journal."""
