"""The HTTP and WebSocket interface of the platform (FastAPI): the only door the dashboard has."""
