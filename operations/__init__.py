"""Running it: the supervisor behind ``landun up``, secrets, the broker, back-fill, chaos."""
