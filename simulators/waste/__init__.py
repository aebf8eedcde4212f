"""Medical waste that is simulated: institutions, wards, rounds, stores, vehicles and disposers, bag by bag."""
