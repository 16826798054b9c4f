"""Bodies of `/api/notifications/*`."""

from __future__ import annotations

from typing import Self

from hostcue.model.notification import Delivery, DeliveryState, NotificationKind, TargetKind
from hostcue.web.contract.common import Answer, example

_DELIVERED = {
    "number": 4,
    "id": "ntf_5d0c8a1f9b7e4c21-webhook-3fa9c2d1",
    "target": "https://ops.example.com/*** (3fa9c2d1)",
    "target_kind": "webhook",
    "kind": "gap_open",
    "subject": "3f9a1c0b77de",
    "title": "小满的鞋铺 画面中断",
    "state": "delivered",
    "attempts": 1,
    "error": "",
    "message": "",
    "created_at": 1764000300040,
    "updated_at": 1764000300180,
}


class DeliveryBody(Answer):
    """One message on its way to one target; `number` is what `after` takes for the next page.

    `error` is a code and `message` its words: why the last try failed, or why none was made.
    """

    model_config = example(**_DELIVERED)
    number: int
    id: str
    target: str
    target_kind: TargetKind
    kind: NotificationKind
    subject: str
    title: str
    state: DeliveryState
    attempts: int
    error: str
    message: str
    created_at: int
    updated_at: int

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """From the store."""
        notification = delivery.notification
        return cls(
            number=delivery.number,
            id=delivery.id,
            target=delivery.target.label,
            target_kind=delivery.target.kind,
            kind=notification.kind,
            subject=notification.subject,
            title=notification.title,
            state=delivery.state,
            attempts=delivery.attempts,
            error=delivery.error,
            message=delivery.message,
            created_at=notification.created_ms,
            updated_at=delivery.updated_ms,
        )


class TestedBody(Answer):
    """What became of a test message at each target; empty when none is configured."""

    model_config = example(deliveries=[_DELIVERED])
    deliveries: list[DeliveryBody]
