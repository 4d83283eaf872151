"""A limit as an OCPP 2.x dead-man profile: the periods of :mod:`edge.ocpp.profiles.writer` in the words of 2.x."""

from datetime import datetime
from typing import Any

from edge.domain.setpoint import LimitCommand, Purpose
from edge.ocpp.profiles import writer
from edge.ocpp.profiles.form import Form
from edge.ocpp.versions import Version

MAX_TRANSACTION_ID = 36  # characters (OCPP 2.x part 2 §2.48, identifierString[36])


def request(
    command: LimitCommand, *, start: datetime | None, stack_level: int, form: Form = writer.BEST
) -> dict[str, Any]:
    """The payload of SetChargingProfileRequest (OCPP 2.x part 2 K01, §1.46).

    ``start`` is the beginning of the lease by the station's own clock; it is written as UTC, rounded down to a whole
    second. None: nobody knows that, and it is no more than the safe current. A profile of the same id is replaced
    (K01.FR.05), and so is the limit before. Raises ValueError when a session's limit names no transaction that OCPP 2.x
    could name.
    """
    place = form.rung.place(command.key.evse)
    its_schedule, its_end = writer.schedule(command, start=start, form=form)
    number = writer.profile_id(place, command.purpose)
    profile: dict[str, Any] = {
        "id": number,
        "stackLevel": stack_level,
        "chargingProfilePurpose": form.rung.purpose(command.purpose, Version.V201),
        "chargingProfileKind": "Absolute",
        **its_end,
        "chargingSchedule": [{"id": number, **its_schedule}],
    }
    if command.purpose is Purpose.SESSION:
        transaction = command.transaction_id or ""
        if not 0 < len(transaction) <= MAX_TRANSACTION_ID:
            raise ValueError(f"transaction {transaction!r} is no id of up to {MAX_TRANSACTION_ID} characters")
        profile["transactionId"] = transaction
    return {"evseId": place, "chargingProfile": profile}
