"""The station's own account of its transactions is what it told the CSMS, confirmed or not."""

from tests.unit.simulators.sim_charger_bench import Bench


def test_the_account_follows_what_was_told() -> None:
    """Start, register and time as sent; the end is open until the StopTransaction.req is made."""
    bench = Bench().connect()
    bench.plug_in(id_tag="ANNA")
    (running,) = bench.core.sessions.ledger.accounts()
    (start,) = bench.made("StartTransaction")
    assert (running.identity, running.connector_id, running.id_tag) == ("CP-01", 1, "ANNA")
    assert (running.started_at, running.meter_start_wh) == (start["timestamp"], start["meterStart"])
    assert (running.stopped_at, running.meter_stop_wh) == (None, None)
    bench.advance(600)
    bench.unplug()
    (ended,) = bench.core.sessions.ledger.accounts()
    (stop,) = bench.made("StopTransaction")
    assert (ended.stopped_at, ended.meter_stop_wh) == (stop["timestamp"], stop["meterStop"])
    assert stop["meterStop"] > 0


def test_transactions_made_offline_are_in_it_too() -> None:
    """The account doesn't wait for the CSMS: that is what its books are held against."""
    bench = Bench().connect()
    bench.plug_in(id_tag="ANNA")
    bench.advance(60)
    bench.drop()
    bench.unplug()
    (account,) = bench.core.sessions.ledger.accounts()
    assert account.meter_stop_wh is not None
    assert bench.made("StopTransaction") == []
