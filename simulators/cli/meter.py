"""`edge-sim meter`: the scenario's meter, building load and breakers as a process of their own."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from simulators.cli.course import LINGER_S, note, print_json, run_until_signal, taken, wait_for_gateway
from simulators.cli.meter_line import (
    BaudrateOption,
    FaultOption,
    LinePlan,
    ModelOption,
    ParityOption,
    RtuOption,
    SerialOption,
    fault_named,
    line_settings,
    model_named,
)
from simulators.cli.options import (
    DEFAULT_FEEDER,
    FeederOption,
    ForOption,
    JsonOption,
    ScenarioOption,
    duration_s,
    endpoint,
)
from simulators.demo.result import rounded_currents
from simulators.events import EventLog, describe_load_step
from simulators.feeder import Feeder
from simulators.feeder_link import FeederReceiver
from simulators.meter import MeterFault, circuit_meter
from simulators.meter.device import DEFAULT_MODEL
from simulators.pace import ScenarioClock
from simulators.scenario import Scenario, load_scenario
from simulators.site import Endpoint, parse_endpoint
from simulators.tally import Tally

BEFORE_MIDNIGHT_S = 30.0  # when the scenario begins, by the meter's own clock


def meter(
    scenario: ScenarioOption = "demo",
    listen: Annotated[
        str | None, typer.Option("--listen", metavar="HOST:PORT", help="Modbus TCP; default: the site file's.")
    ] = None,
    rtu: RtuOption = None,
    serial: SerialOption = None,
    baudrate: BaudrateOption = 9600,
    parity: ParityOption = "N",
    model: ModelOption = DEFAULT_MODEL,
    fault: FaultOption = MeterFault.NONE.value,
    feeder: FeederOption = DEFAULT_FEEDER,
    for_: ForOption = None,
    json: JsonOption = False,
) -> None:
    """Run the scenario's meter. It hears over the feeder link what the chargers draw."""
    for_s = duration_s(for_)
    played = load_scenario(scenario)
    line = LinePlan(
        listen=endpoint("--listen", listen, played.site.meter),
        rtu=parse_endpoint(rtu, what="--rtu") if rtu is not None else None,
        serial=serial,
        settings=line_settings(baudrate, parity),
    )
    course = _Course(
        line=line,
        link=parse_endpoint(feeder, what="--feeder"),
        model=model_named(model),
        fault=fault_named(fault),
        for_s=for_s,
        json=json,
    )
    result = run_until_signal(lambda stop: _run(played, course, stop))
    if json:
        print_json(result)
    else:
        breaker = "a breaker TRIPPED" if result["breaker_tripped"] else "no breaker tripped"
        typer.echo(f"most: {result['max_current_a']}; {result['seconds_over_rating']} s over a rating; {breaker}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """What the options say."""

    line: LinePlan
    link: Endpoint
    model: str
    fault: MeterFault
    for_s: float | None
    json: bool


async def _run(scenario: Scenario, course: _Course, stop: asyncio.Event) -> dict[str, Any]:
    clock = ScenarioClock()
    events = EventLog(clock.now_s, lambda event: note(str(event), json=course.json))
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        receiver = FeederReceiver(loop.time)
        feeder = Feeder(scenario.site, scenario.building, receiver.draws)
        tally = Tally(feeder)
        top = next(circuit for circuit in scenario.site.circuits if circuit.parent is None)
        meter = circuit_meter(
            current_a=lambda: feeder.currents(clock.now_s())[top.id].total_a,
            import_wh=lambda: tally.import_wh,
            nominal_voltage_v=scenario.site.nominal_voltage_v,
            model=course.model,
            day_s=lambda: clock.now_s() - BEFORE_MIDNIGHT_S,
        )
        await _open(receiver, course.link, stack)
        asked = await course.line.open({scenario.site.meter_unit: meter}, stack)
        note(f"the meter is at {course.line}, the feeder link at udp {course.link}", json=course.json)
        missing = f"no gateway has read the meter at {course.line}"
        if await wait_for_gateway(asked.is_set, stop=stop, for_s=course.for_s, missing=missing):
            clock.start()
            meter.fault = course.fault
            until_s = None if course.for_s is None else course.for_s + LINGER_S
            async for time_s, dt_s in clock.steps(until_s=until_s, stop=stop):
                load_step = describe_load_step(scenario.building, time_s - dt_s, time_s)
                if load_step is not None:
                    events.add(load_step)
                tally.step(time_s, dt_s)
    return {
        "max_current_a": rounded_currents(tally.max_current_a),
        "seconds_over_rating": round(tally.seconds_over_rating, 2),
        "breaker_tripped": tally.breaker_tripped,
        "import_wh": round(tally.import_wh, 1),
        "utilisation": None if tally.utilisation is None else round(tally.utilisation, 4),
    }


async def _open(receiver: FeederReceiver, link: Endpoint, stack: AsyncExitStack) -> None:
    """Open the feeder link, to be closed by `stack`. Raises PeerError."""
    try:
        await receiver.open(link)
    except OSError as exc:
        raise taken(link, exc) from exc
    stack.callback(receiver.close)
