"""How the set-up tries a broker: against the embedded one."""

from pathlib import Path

from edge.cli.setup_probes import Probes
from edge.cli.terminal import Loop
from edge.language import Said
from edge.setup.steps import Failure, TryBroker
from simulators.bms.broker import Broker
from simulators.ports import free_endpoints
from simulators.site import Endpoint


def test_a_broker_is_logged_in_to(tmp_path: Path) -> None:
    """A wrong password shows at once, not when the building wonders why nothing comes."""
    there, away = Loop(), Loop()
    probes = Probes(away, file=None, config=tmp_path / "site.toml")
    broker = Broker(users={"edge": "s3cret"})
    there.run(broker.open(Endpoint(host="127.0.0.1", port=0)))
    try:
        url = f"mqtt://127.0.0.1:{broker.port}"
        assert probes.answer(TryBroker(broker=url, username="edge", password="s3cret")) is None
        for refused in (TryBroker(broker=url), TryBroker(broker=url, username="edge", password="secret")):
            assert isinstance(probes.answer(refused), Failure)
        nobody = f"mqtt://127.0.0.1:{free_endpoints(1)[0].port}"
        assert probes.answer(TryBroker(broker=nobody)) == Failure(problem=Said("cause.refused"))
    finally:
        there.run(broker.close())
        probes.close()
        there.close()
        away.close()
