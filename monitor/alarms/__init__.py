"""Alarms as ISA-18.2 has them: states, the rows that are kept of them, and what they say."""
