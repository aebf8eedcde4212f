"""Simulated pools: water with physics, instruments with noise, faults with ground truth, real MQTT devices."""
