"""From a device's message to a committed reading: the MQTT session, decoders, validation, the batch writer."""
