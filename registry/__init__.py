"""What exists: indicators, limits, sites, devices and channels. Imports nothing of ours."""
