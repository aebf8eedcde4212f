"""Since when each part of the platform has been as it is."""

from datetime import datetime

from monitor.api.schemas import Component


class ComponentWatch:
    """Remembers since when each component has been in its state."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, datetime]] = {}

    def since(self, component: Component, now: datetime) -> Component:
        """The component with `since` filled in."""
        state, at = self._seen.get(component.name, ("", now))
        if state != component.state:
            at = now
            self._seen[component.name] = (component.state, at)
        return component.model_copy(update={"since": at})
