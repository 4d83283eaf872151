"""`edge-sim bms`: a building that reads the gateway and limits it, over Modbus TCP or MQTT; or its broker."""

import asyncio
import uuid
from typing import Annotated, Any

import typer

from simulators.bms.broker import Broker
from simulators.bms.master import ModbusMaster, building
from simulators.cli.course import note, print_json, run_until_signal, taken
from simulators.cli.options import ForOption, JsonOption, duration_s
from simulators.errors import ScenarioError
from simulators.site import Endpoint, parse_endpoint

LONGEST_VALID_S = 3600


def bms(
    modbus: Annotated[
        str | None, typer.Option("--modbus", metavar="HOST:PORT", help="The gateway's Modbus server.")
    ] = None,
    mqtt: Annotated[str | None, typer.Option("--mqtt", metavar="HOST:PORT", help="The MQTT broker.")] = None,
    site: Annotated[str | None, typer.Option("--site", metavar="ID", help="The site's id, for MQTT.")] = None,
    limit_a: Annotated[
        float | None, typer.Option("--limit-a", metavar="A", help="Limit the site to so many amperes per phase.")
    ] = None,
    valid_s: Annotated[
        int, typer.Option("--valid", metavar="SECONDS", help="For how long; 0: as the gateway has it.")
    ] = 0,
    broker: Annotated[
        bool,
        typer.Option(
            "--broker", help="Be the broker on the address of --mqtt; what it has retained is shown at the end."
        ),
    ] = False,
    for_: ForOption = None,
    json: JsonOption = False,
) -> None:
    """Read the gateway as a building does, and limit it if asked to."""
    for_s = duration_s(for_)
    if (modbus is None) == (mqtt is None):
        raise ScenarioError("give one of --modbus HOST:PORT and --mqtt HOST:PORT")
    if limit_a is not None and not 0 <= limit_a <= 6300:
        raise ScenarioError(f"--limit-a: must be 0 to 6300, not {limit_a:g}")
    if not 0 <= valid_s <= LONGEST_VALID_S:
        raise ScenarioError(f"--valid: must be 0 to {LONGEST_VALID_S}, not {valid_s}")
    if modbus is not None:
        if broker:
            raise ScenarioError("--broker: needs --mqtt HOST:PORT, where it is to listen")
        gateway = parse_endpoint(modbus, what="--modbus")
        print_values(asyncio.run(_modbus(gateway, limit_a, valid_s)), json=json)
        return
    listen = parse_endpoint(str(mqtt), what="--mqtt")
    if broker:
        run_until_signal(lambda stop: _broker(listen, for_s=for_s, json=json, stop=stop))
        return
    if site is None:
        raise ScenarioError("--site: is missing; give the id from the site file")
    print_values(asyncio.run(_mqtt(listen, site, limit_a, valid_s)), json=json)


def print_values(values: dict[str, Any], *, json: bool) -> None:
    """One line for each value, or one JSON object."""
    if json:
        print_json(values)
        return
    for name, value in values.items():
        typer.echo(f"{name:20} {'-' if value is None else value}")


async def _modbus(gateway: Endpoint, limit_a: float | None, valid_s: int) -> dict[str, Any]:
    master = ModbusMaster(gateway)
    await master.open()
    try:
        if limit_a is not None:
            await master.limit(limit_a, valid_s)
        return dict(await master.read())
    finally:
        master.close()


async def _mqtt(broker: Endpoint, site: str, limit_a: float | None, valid_s: int) -> dict[str, Any]:
    async with building(broker, site) as client:
        if limit_a is not None:
            return await client.limit(limit_a, valid_s, uuid.uuid4().hex)
        state = await client.state()
        values: dict[str, Any] = state["site"]
        return values


async def _broker(listen: Endpoint, *, for_s: float | None, json: bool, stop: asyncio.Event) -> None:
    broker = Broker()
    try:
        await broker.open(listen)
    except OSError as exc:
        raise taken(listen, exc) from exc
    note(f"the broker listens on {listen}", json=json)
    try:
        async with asyncio.timeout(for_s):
            await stop.wait()
    except TimeoutError:
        pass
    finally:
        await broker.close()
    print_values({topic: kept.payload.decode(errors="replace") for topic, kept in broker.retained.items()}, json=json)
