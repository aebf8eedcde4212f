"""Telling people about alarms: an outbox, small pure stages over one snapshot and one `now`, then deliveries."""
