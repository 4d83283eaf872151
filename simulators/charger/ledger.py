"""The station's own account of its transactions, as it told them: what a cloud's books can be checked against."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from simulators.charger.frames import Payload
from simulators.charger.transaction import LOST_ID, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionAccount:
    """One transaction; timestamps are the texts that were sent, the end's fields are None while it goes on."""

    identity: str
    connector_id: int
    id_tag: str
    started_at: str
    meter_start_wh: int
    stopped_at: str | None = None
    meter_stop_wh: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The account as a JSON object."""
        return asdict(self)


class Ledger:
    """Filled from the payloads of the StartTransaction.req and StopTransaction.req that the station makes."""

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._accounts: dict[Transaction, TransactionAccount] = {}

    def accounts(self) -> tuple[TransactionAccount, ...]:
        """Every transaction since the station was made, the oldest first."""
        return tuple(self._accounts.values())

    def given_up(self) -> tuple[TransactionAccount, ...]:
        """Those of which nobody has ever answered the StartTransaction.req."""
        return tuple(each for transaction, each in self._accounts.items() if transaction.transaction_id == LOST_ID)

    def started(self, transaction: Transaction, payload: Payload) -> None:
        """A StartTransaction.req was made."""
        self._accounts[transaction] = TransactionAccount(
            identity=self._identity,
            connector_id=payload["connectorId"],
            id_tag=payload["idTag"],
            started_at=payload["timestamp"],
            meter_start_wh=payload["meterStart"],
        )

    def stopped(self, transaction: Transaction, payload: Payload) -> None:
        """Its StopTransaction.req was made."""
        self._accounts[transaction] = replace(
            self._accounts[transaction], stopped_at=payload["timestamp"], meter_stop_wh=payload["meterStop"]
        )
