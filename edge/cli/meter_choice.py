"""Which meters ``edge meter read`` and ``edge meter verify`` are about: those of a site file, or one named in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Protocol

import typer

from edge.cli.findings import read
from edge.cli.gateway_meters import GatewayMeters, gateway_reads
from edge.cli.places import SITE_FILE
from edge.clock import Clock
from edge.config.locate import locate
from edge.control.ports import FactSink, MeterPort
from edge.domain.connection import Transport, parse_connection
from edge.domain.site import Meter
from edge.metering.catalogue import FAMILIES
from edge.metering.family import Family
from edge.metering.poller import Meters
from edge.metering.user_map import families_of
from edge.system.logs import LogLevel, configure
from edge.units import Amps, Phase

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="The site file. Default: the package's.", show_default=False, readable=False
    ),
]
MeterOption = Annotated[
    str | None, typer.Option("--meter", metavar="ID", help="One meter of the site file.", show_default=False)
]
ConnectionOption = Annotated[
    str | None,
    typer.Option(
        "--connection",
        metavar="URL",
        help="Without a site file: tcp://host:port, rtu+tcp://host:port, rtu:///dev/...?baudrate=9600&parity=N.",
        show_default=False,
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="Without a site file: the meter's family.", show_default=False),
]
UnitOption = Annotated[int, typer.Option("--unit", min=0, max=255, help="Without a site file: the Modbus unit id.")]
PeriodOption = Annotated[float, typer.Option("--period", min=0.05, max=60, help="Seconds from one sample to the next.")]


class Opened(MeterPort, Protocol):
    """Meters that are to be given up again."""

    async def close(self) -> None:
        """Give their lines up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The meters, their families by model, and of each that measures a circuit its fuse and the phases it must tell.

    ``by_gateway``: a gateway that runs here reads these meters; else they are asked directly.
    """

    meters: tuple[Meter, ...]
    families: Mapping[str, Family]
    ratings: Mapping[str, Amps]
    guarded: Mapping[str, frozenset[Phase]] = field(default_factory=dict)
    by_gateway: bool = False

    def opened(self, clock: Clock, sink: FactSink) -> Opened:
        """The meters, ready to be sampled."""
        if self.by_gateway:
            return GatewayMeters([each.id for each in self.meters], clock, sink)
        return Meters(
            meters=self.meters,
            families=self.families,
            clock=clock,
            sink=sink,
            ratings=self.ratings,
            guarded=self.guarded,
        )


def chosen(
    config: Path | None,
    meter: str | None,
    connection: str | None,
    model: str | None,
    unit: int,
    *,
    installed: Path = SITE_FILE,
) -> Choice:
    """What the options name; where they name nothing, the site file that the package has ``installed``.

    :raises ConfigurationError: a site file that isn't sound.
    :raises typer.BadParameter: options that name no meter, or two things at once.
    """
    configure(level=LogLevel.ERROR)  # what the meters say is shown by the verb itself
    if config is None and connection is None and installed.exists():
        config = installed
    if (config is None) == (connection is None):
        raise typer.BadParameter("give either --config with a site file, or --connection and --model")
    if config is None:
        return Choice(meters=(_named(connection or "", model, unit),), families=FAMILIES, ratings={})
    if model is not None:
        raise typer.BadParameter("--model belongs to --connection: the site file says the model")
    site = read(config).site
    meters = tuple(each for each in site.meters if meter in {None, each.id})
    if not meters:
        known = ", ".join(each.id for each in site.meters) or "none"
        raise typer.BadParameter(f"there is no meter '{meter}' in {config}; there are: {known}" if meter else
                                 f"{config} has no [[meter]]")  # fmt: skip
    ratings = {each.meter: each.fuse_a for each in site.circuits if each.meter is not None}
    by_gateway = gateway_reads(site.id, [each.id for each in meters])
    if by_gateway:
        typer.echo("the gateway is running: this is what it reads", err=True)
    return Choice(
        meters=meters,
        families=families_of(meters, locate=locate),
        ratings=ratings,
        guarded={each.meter: site.phases_below(each.id) for each in site.circuits if each.meter is not None},
        by_gateway=by_gateway,
    )


def _named(connection: str, model: str | None, unit: int) -> Meter:
    try:
        transport = parse_connection(connection).transport
    except ValueError as exc:
        raise typer.BadParameter(f"--connection {exc}") from None
    if model is None or model not in FAMILIES:  # a map file and a topic need the site file
        said = f"--model '{model}' is not in the meter catalogue" if model is not None else "--model is missing"
        raise typer.BadParameter(f"{said}; there are: {', '.join(FAMILIES)}")
    spoken = FAMILIES[model].transports
    if transport not in spoken:
        forms = ", ".join(f"{each}://" for each in Transport if each in spoken)
        raise typer.BadParameter(
            f"--connection is {transport}://, which '{model}' doesn't speak; give one of {forms}, or another model"
        )
    return Meter(id="meter", model=model, connection=connection, unit=unit)
