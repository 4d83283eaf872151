"""A charging transaction as the station keeps it."""

from dataclasses import dataclass

LOST_ID = -1  # errata 3.18: the id of a transaction whose StartTransaction could not be delivered


@dataclass(slots=True, kw_only=True, eq=False)
class Transaction:
    """From the StartTransaction.req to the StopTransaction.req; the id comes with StartTransaction.conf, but a
    station of OCPP 2.x gives it itself.
    """

    connector_id: int
    id_tag: str
    started_s: float  # station clock
    transaction_id: int | None = None
    energy_allowed: bool = True  # False: the CSMS refused the card and StopTransactionOnInvalidId is false
    next_sample_s: float | None = None  # station clock; None: no sampled values
