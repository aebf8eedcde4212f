"""One decoder a payload dialect: bytes to samples, pure and without the registry."""
