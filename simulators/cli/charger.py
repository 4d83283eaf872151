"""`edge-sim charger`: the scenario's charging stations and cars as a process of their own."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from simulators.background import Background
from simulators.charger.quirks import named
from simulators.cli.course import note, print_json, run_until_signal, wait_for_gateway
from simulators.cli.options import DEFAULT_FEEDER, FeederOption, ForOption, JsonOption, ScenarioOption, duration_s
from simulators.cli.shown import (
    CaOption,
    CertificateOption,
    EditionOption,
    KeyOption,
    PrivateKeyOption,
    editions,
    tls,
)
from simulators.demo.run import DRAIN_S
from simulators.errors import ScenarioError
from simulators.events import EventLog, describe_move
from simulators.feeder_link import FeederSender
from simulators.fleet import Fleet, gateway_url
from simulators.hostile import HostilePeer, hostilities
from simulators.overrides import with_car_phases, with_dc, with_phase_switching
from simulators.pace import ScenarioClock
from simulators.scenario import load_scenario
from simulators.site import Endpoint, parse_endpoint


def charger(
    scenario: ScenarioOption = "demo",
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="The gateway, without identity; default: the site file's."),
    ] = None,
    quirk: Annotated[
        list[str] | None,
        typer.Option("--quirk", metavar="NAME", help="A habit of real stations that all have; may be repeated."),
    ] = None,
    feeder: FeederOption = DEFAULT_FEEDER,
    car_phases: Annotated[
        int | None,
        typer.Option("--car-phases", metavar="N", help="Every car charges on N phases; default: its own."),
    ] = None,
    switch_phases: Annotated[
        bool, typer.Option("--switch-phases", help="Every station obeys numberPhases; default: as the site file says.")
    ] = False,
    dc: Annotated[
        list[str] | None,
        typer.Option(
            "--dc",
            metavar="STATION",
            help="This station is a DC one, limited in W; may be given several times. Default: as the site file says.",
            show_default=False,
        ),
    ] = None,
    ocpp: EditionOption = "1.6",
    key: KeyOption = None,
    ca: CaOption = None,
    certificate: CertificateOption = None,
    private_key: PrivateKeyOption = None,
    hostile: Annotated[
        list[str] | None,
        typer.Option("--hostile", metavar="NAME", help="A peer that means harm, beside the stations; may be repeated."),
    ] = None,
    for_: ForOption = None,
    json: JsonOption = False,
) -> None:
    """Run the scenario's chargers and cars against a gateway."""
    for_s = duration_s(for_)
    played = load_scenario(scenario)
    played = played if car_phases is None else with_car_phases(played, car_phases)
    played = with_phase_switching(played) if switch_phases else played
    played = with_dc(played, dc or ())
    base = gateway_url(played.site.gateway) if url is None else _base_url(url)
    link = parse_endpoint(feeder, what="--feeder")
    spoken = editions(ocpp)
    shown = tls(base, ca, certificate, private_key)
    peers = [HostilePeer(each, base, spoken[0]) for each in hostilities(hostile or [])]
    fleet = Fleet(played, base, quirks=named(quirk or ()), editions=spoken, password=key, tls=shown)
    result = run_until_signal(lambda stop: _run(fleet, peers, base, link, for_s=for_s, json=json, stop=stop))
    if json:
        print_json(result)
    else:
        typer.echo(
            f"{result['energy_wh'] / 1000:.2f} kWh charged; {result['profiles_sent']} charging profiles received; "
            f"{result['transactions_started']} transactions, "
            f"{result['transactions_confirmed']} of them confirmed to the chargers"
        )


async def _run(
    fleet: Fleet,
    peers: Sequence[HostilePeer],
    url: str,
    link: Endpoint,
    *,
    for_s: float | None,
    json: bool,
    stop: asyncio.Event,
) -> dict[str, Any]:
    clock = ScenarioClock()
    events = EventLog(clock.now_s, lambda event: note(str(event), json=json))
    sender = await FeederSender.open(link)
    async with Background() as background:
        background.start(fleet.run())
        for peer in peers:
            background.start(peer.run())
        note(f"{len(fleet.stations)} stations dial {url}", json=json)
        missing = f"not every station has reached the gateway at {url}"
        if await wait_for_gateway(lambda: fleet.all_connected, stop=stop, for_s=for_s, missing=missing):
            clock.start()
            until_s = None if for_s is None else for_s + DRAIN_S
            async for time_s, dt_s in clock.steps(until_s=until_s, stop=stop):
                background.check()
                for move in fleet.step(time_s, dt_s, ends_s=for_s):
                    events.add(describe_move(move))
                sender.send(fleet.draws())
                if for_s is not None and time_s >= for_s and fleet.settled():
                    break
    sender.close()
    return {
        "energy_wh": round(fleet.energy_wh(), 1),
        "profiles_sent": fleet.profiles_received(),
        "transactions_started": len(fleet.transactions()),
        "transactions_confirmed": fleet.transactions_confirmed(),
        "transactions": [account.as_json() for account in fleet.transactions()],
    }


def _base_url(url: str) -> str:
    """Raises ScenarioError."""
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ScenarioError(f"--url: must be like ws://127.0.0.1:9000, not {url!r}")
    return url.rstrip("/")
