"""Frames of the live feed."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from monitor.api.schemas.alarms import Alarm
from monitor.api.schemas.common import Time
from monitor.api.schemas.health import Health
from monitor.api.schemas.notifications import Notification
from monitor.api.schemas.sites import Latest


class HelloFrame(BaseModel):
    """First frame of the live feed."""

    type: Literal["hello"] = "hello"
    at: Time
    version: str
    username: str


class LatestFrame(BaseModel):
    """Changed channels; between two frames a channel's older values are left out (latest wins)."""

    type: Literal["latest"] = "latest"
    items: list[Latest]


class AlarmFrame(BaseModel):
    """An alarm was raised or changed. Every one is delivered, in order."""

    type: Literal["alarm"] = "alarm"
    alarm: Alarm


class NotificationFrame(BaseModel):
    """A message to the person who listens, new in their inbox. Every one is delivered, in order."""

    type: Literal["notification"] = "notification"
    notification: Notification


class HealthFrame(BaseModel):
    """How the platform is doing, as /health, sent when it changes and at least every 15 s."""

    type: Literal["health"] = "health"
    health: Health


LiveFrame = Annotated[
    HelloFrame | LatestFrame | AlarmFrame | NotificationFrame | HealthFrame, Field(discriminator="type")
]
