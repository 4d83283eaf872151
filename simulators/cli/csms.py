"""`edge-sim csms`: the scenario's cloud as a process of its own."""

import asyncio
from typing import Annotated, Any

import typer

from simulators.background import Background
from simulators.cli.course import LINGER_S, note, print_json, run_until_signal, taken, wait_for_gateway
from simulators.cli.options import ForOption, JsonOption, ScenarioOption, duration_s, endpoint
from simulators.cli.shown import EDITIONS
from simulators.csms import Csms, TagList
from simulators.csms_v2 import CsmsV2
from simulators.errors import ScenarioError
from simulators.events import EventLog
from simulators.outages import Cloud, follow_outages
from simulators.pace import ScenarioClock
from simulators.scenario import Scenario, load_scenario
from simulators.site import Endpoint


def csms(
    scenario: ScenarioOption = "demo",
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Default: the site file's upstream."),
    ] = None,
    ocpp: Annotated[
        str, typer.Option("--ocpp", metavar="EDITION", help=f"{', '.join(EDITIONS)}: what the cloud speaks.")
    ] = "1.6",
    for_: ForOption = None,
    json: JsonOption = False,
) -> None:
    """Run the scenario's cloud, with its outages."""
    for_s = duration_s(for_)
    played = load_scenario(scenario)
    address = endpoint("--listen", listen, played.site.cloud)
    if ocpp not in EDITIONS:
        raise ScenarioError(f"--ocpp: must be one of {', '.join(EDITIONS)}, not '{ocpp}'")
    if ocpp != "1.6":
        cloud = CsmsV2(ocpp, host=address.host, port=address.port, told=lambda line: note(line, json=json))
        result = run_until_signal(lambda stop: _run_v2(played, cloud, address, for_s=for_s, json=json, stop=stop))
    else:
        result = run_until_signal(lambda stop: _run(played, address, for_s=for_s, json=json, stop=stop))
    if json:
        print_json(result)
    elif ocpp != "1.6":
        booked, invalid = len(result["transactions"]), len(result["invalid"])
        typer.echo(f"{booked} transactions booked, {invalid} messages broke the schema")
    else:
        typer.echo(
            f"{len(result['transactions'])} transactions booked, {result['repeated_starts']} starts came again, "
            f"{result['orphan_stops']} stops belonged to no transaction"
        )


async def _run_v2(
    scenario: Scenario, cloud: CsmsV2, listen: Endpoint, *, for_s: float | None, json: bool, stop: asyncio.Event
) -> dict[str, Any]:
    try:
        await cloud.start()
    except OSError as exc:
        raise taken(listen, exc) from exc
    note(f"the CSMS listens on ws://{listen}/<identity>", json=json)
    try:
        await _serve(scenario, cloud, cloud.seen_station, listen, for_s=for_s, json=json, stop=stop)
    finally:
        await cloud.stop()
    return {"transactions": list(cloud.transactions.values()), "invalid": cloud.invalid}


async def _serve(
    scenario: Scenario,
    cloud: Cloud,
    seen: asyncio.Event,
    listen: Endpoint,
    *,
    for_s: float | None,
    json: bool,
    stop: asyncio.Event,
) -> None:
    """Be there, but for the scenario's outages, until all is over."""
    clock = ScenarioClock()
    events = EventLog(clock.now_s, lambda event: note(str(event), json=json))
    async with Background() as background:
        missing = f"no station has come to the CSMS on {listen}"
        if await wait_for_gateway(seen.is_set, stop=stop, for_s=for_s, missing=missing):
            clock.start()
            background.start(follow_outages(cloud, scenario, clock, events.add, ends_s=for_s))
            until_s = None if for_s is None else for_s + LINGER_S
            async for _ in clock.steps(until_s=until_s, stop=stop):
                background.check()


async def _run(
    scenario: Scenario, listen: Endpoint, *, for_s: float | None, json: bool, stop: asyncio.Event
) -> dict[str, Any]:
    cloud = Csms(
        listen,
        tags=TagList(accepted=scenario.cloud.accepted_tags, blocked=scenario.cloud.blocked_tags),
        boot_interval_s=scenario.cloud.boot_interval_s,
        told=lambda line: note(line, json=json),
    )
    try:
        await cloud.open()
    except OSError as exc:
        raise taken(listen, exc) from exc
    note(f"the CSMS listens on ws://{listen}/<identity>", json=json)
    try:
        await _serve(scenario, cloud, cloud.seen_station, listen, for_s=for_s, json=json, stop=stop)
    finally:
        await cloud.close()
    transactions = cloud.record.transactions.values()
    return {
        "transactions": [transaction.as_json() for transaction in transactions],
        "repeated_starts": sum(transaction.starts_received - 1 for transaction in transactions),
        "orphan_stops": cloud.record.orphan_stops,
    }
