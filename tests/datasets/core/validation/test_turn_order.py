"""Who speaks after whom."""

import pytest

from datasets.core.validation.turn_order import order_faults

ORDERS = {
    "user assistant": [],
    "system user assistant": [],
    "system developer user assistant user assistant": [],
    "user assistant tool tool assistant": [],
    "user system assistant": [("system_not_first", 1)],
    "user assistant developer user assistant": [("system_not_first", 2)],
    "user user assistant": [("same_role_twice", 1)],
    "user assistant assistant assistant":
        [("same_role_twice", 2), ("same_role_twice", 3)],
    "assistant user assistant": [("assistant_first", 0)],
    "system assistant user assistant": [("assistant_first", 1)],
    "user": [("last_not_assistant", 0)],
    "user assistant user": [("last_not_assistant", 2)],
    "system": [("last_not_assistant", 0)],
    "assistant user user system":
        [("system_not_first", 3), ("same_role_twice", 2), ("assistant_first", 0),
         ("last_not_assistant", 3)],
}  # fmt: skip


@pytest.mark.parametrize("roles", ORDERS)
def test_each_message_out_of_turn_is_named(roles):
    faults = order_faults(tuple(roles.split()))

    assert [(fault.kind, fault.message) for fault in faults] == ORDERS[roles]
    assert {fault.field for fault in faults} <= {"role"}
