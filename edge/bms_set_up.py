"""From the site file to the building's interface: part of the composition root."""

from collections.abc import Container, Iterator
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Protocol

from edge import __version__
from edge.bms.calendar import OnHolidays, Weekday
from edge.bms.class_schedule import ClassSchedule, OpenHours, RankHours
from edge.bms.demand_watch import DemandWatch
from edge.bms.demand_window import DemandSettings
from edge.bms.eco import EcoMode
from edge.bms.eebus_lpc import LpcSettings
from edge.bms.facility import Facility
from edge.bms.grid import GridSettings, Steering, dimmed_w
from edge.bms.mqtt_client import MakeLink
from edge.bms.relay_contact import ContactInput, ContactSettings
from edge.bms.schedule import Rule, Schedule
from edge.bms.settings import FacilitySettings, ModbusSettings, MqttSettings, MqttVersion, WritePolicy
from edge.bms.surplus import SurplusSettings
from edge.bms.surplus_watch import SurplusWatch
from edge.bms.watches import Watch
from edge.chance import Chance
from edge.clock import Clock
from edge.config import Configuration
from edge.config.addresses import broker
from edge.config.locate import locate
from edge.config.schema_bms import GridTable, ModbusTable, MqttTable, ScheduleTable
from edge.domain.limit import EvseCapped, LimitStated
from edge.domain.opening import AtClose, ClassHour
from edge.domain.site import Site
from edge.metering.mqtt_topic import topic_family
from edge.metering.sample import tells_direction
from edge.metering.user_map import families_of
from edge.public_holidays import public_holidays

KILO = 1000.0
DEFAULT_WINDOW_MIN = 15
EVIDENCE = "grid-events.csv"
LIMITS_FILE = "bms-limits.json"
DIMMING_FILE = "grid-dimming.json"
LPC_FILE = "eebus-lpc.json"
OPENADR_FILE = "openadr-events.json"


class Hearer(Protocol):
    """A LimitSink, CapSink and HourSink (:mod:`edge.control.ports`) in one: the board."""

    def take(self, fact: LimitStated | EvseCapped | ClassHour) -> None:
        """Remember it."""


def open_facility(
    configuration: Configuration,
    *,
    clock: Clock,
    chance: Chance,
    board: Hearer,
    relay: ContactInput | None,
    mqtt_link: MakeLink,
) -> Facility:
    """The building's side of the gateway, with all that watches for it."""
    eco = EcoMode(possible=_shows_surplus(configuration.site))
    return Facility(
        configuration.site,
        facility_settings(configuration),
        clock=clock,
        chance=chance,
        version=__version__,
        sink=board,
        watches=tuple(watches(configuration, board, chance, eco)),
        eco=eco,
        relay=relay,
        mqtt_link=mqtt_link,
    )


def facility_settings(configuration: Configuration) -> FacilitySettings:
    """What of it the site file sets up."""
    modbus, mqtt, grid = configuration.bms.modbus, configuration.bms.mqtt, configuration.grid
    return FacilitySettings(
        modbus=_modbus(modbus) if modbus is not None else None,
        mqtt=_mqtt(mqtt) if mqtt is not None else None,
        grid=_grid(grid, configuration) if grid is not None else None,
        limits_file=Path(configuration.storage.path) / LIMITS_FILE if _may_ask(configuration) else None,
    )


def watches(configuration: Configuration, board: Hearer, chance: Chance, eco: EcoMode) -> Iterator[Watch]:
    """A schedule for each circuit and each class that has rules, a demand window for each circuit that has a limit, and
    who keeps the surplus mode where an EVSE lives on it, or ``eco`` may make it so. ``board`` is told of classes and of
    what caps EVSEs.
    """
    site = configuration.site
    public = public_holidays(site.holidays) if site.holidays is not None else frozenset()
    delay_s = configuration.grid.random_delay_s if configuration.grid is not None else None
    rules: dict[str, list[Rule]] = {}
    for table in configuration.schedule:
        if table.class_ is None:
            circuit = table.circuit if table.circuit is not None else _root(site)
            rules.setdefault(circuit, []).append(_rule(table, public))
    for circuit, of_circuit in rules.items():
        yield Schedule(circuit, of_circuit, site.timezone, random_delay_s=delay_s, chance=chance)
    for class_id in dict.fromkeys(table.class_ for table in configuration.schedule if table.class_ is not None):
        tables = [table for table in configuration.schedule if table.class_ == class_id]
        yield ClassSchedule(
            class_id,
            rank_hours=[RankHours(rank=each.rank, **_hours(each, public)) for each in tables if each.rank is not None],
            open_hours=[
                OpenHours(at_close=AtClose(each.at_close), **_hours(each, public))
                for each in tables
                if each.at_close is not None
            ],
            timezone=site.timezone,
            sink=board,
            random_delay_s=delay_s,
            chance=chance,
        )
    window_min = configuration.grid.demand_window_min if configuration.grid is not None else DEFAULT_WINDOW_MIN
    for circuit, limit_kw in configuration.demand_limits_kw.items():
        settings = DemandSettings(circuit=circuit, limit_w=limit_kw * KILO, window_s=window_min * 60.0)
        yield DemandWatch(site, settings, folder=Path(configuration.storage.path))
    if any(evse.on_surplus for evse in site.evses) or (eco.possible and _may_ask(configuration)):
        sun = configuration.surplus
        yield SurplusWatch(
            site,
            SurplusSettings(start_w=sun.start_kw * KILO, start_s=sun.start_s, stop_s=sun.stop_s),
            eco=eco,
            battery=sun.battery_meter,
            battery_counts=sun.battery_counts,
            sink=board,
        )


def _may_ask(configuration: Configuration) -> bool:
    """Whether the building may write anything."""
    return any(table is not None and table.writable for table in (configuration.bms.modbus, configuration.bms.mqtt))


def _shows_surplus(site: Site) -> bool:
    """Whether the grid connection has a meter that tells which way the power flows."""
    name = next(circuit.meter for circuit in site.circuits if circuit.parent is None)
    meter = next((each for each in site.meters if each.id == name), None)
    if meter is None:
        return False
    if meter.values:
        return tells_direction(topic_family(meter.values))
    return tells_direction(families_of((meter,), locate=locate)[meter.model])


def _modbus(table: ModbusTable) -> ModbusSettings:
    return ModbusSettings(
        host=table.listen.host,
        port=table.listen.port,
        policy=WritePolicy(
            writable=table.writable,
            limit_timeout_s=table.limit_timeout_s,
            fallback_a=table.fallback_a,
            fallback_writable=table.fallback_writable,
        ),
        allow=tuple(ip_network(each, strict=False) for each in table.allow) if table.allow is not None else None,
        idle_timeout_s=table.idle_timeout_s,
    )


def _mqtt(table: MqttTable) -> MqttSettings:
    address = broker(table.broker)
    return MqttSettings(
        host=address.host,
        port=address.port,
        tls=address.tls,
        policy=WritePolicy(writable=table.writable, limit_timeout_s=table.limit_timeout_s, fallback_a=table.fallback_a),
        version=MqttVersion(table.version),
        username=table.username,
        password=table.password,
        ca_file=_file(table.ca_file),
        certificate_file=_file(table.certificate_file),
        key_file=_file(table.key_file),
        discovery=table.home_assistant,
    )


def _grid(table: GridTable, configuration: Configuration) -> GridSettings:
    site = configuration.site
    circuit = table.circuit if table.circuit is not None else _root(site)
    below = [evse for evse in site.evses if any(each.id == circuit for each in site.path(evse.circuit))]
    devices = table.devices if table.devices is not None else max(len(below), 1)
    return GridSettings(
        circuit=circuit,
        limit_w=dimmed_w(devices, Steering(table.steering)),
        contact=_contact(table.contact, table.contact_closed) if table.contact is not None else None,
        evidence=Path(configuration.storage.path) / EVIDENCE,
        dimming_file=Path(configuration.storage.path) / DIMMING_FILE,
        lpc=LpcSettings(failsafe_w=table.failsafe_kw * KILO, failsafe_duration_s=table.failsafe_h * 3600.0)
        if table.eebus_lpc
        else None,
        lpc_file=Path(configuration.storage.path) / LPC_FILE if table.eebus_lpc else None,
        openadr=table.openadr,
        openadr_file=Path(configuration.storage.path) / OPENADR_FILE if table.openadr else None,
    )


def _contact(pin: str, closed: str) -> ContactSettings:
    chip, _, line = pin.partition("/")
    return ContactSettings(chip=chip, line=int(line), closed_is_free=closed == "frees")


def _rule(table: ScheduleTable, public: Container[date]) -> Rule:
    limit_w = table.limit_kw * KILO if table.limit_kw is not None else None
    return Rule(limit_a=table.limit_a, limit_w=limit_w, **_hours(table, public))


def _hours(table: ScheduleTable, public: Container[date]) -> dict[str, Any]:
    """The fields of :class:`edge.bms.calendar.Hours`."""
    return {
        "begins": table.begins,
        "ends": table.ends,
        "days": frozenset(Weekday(day) for day in table.days),
        "dates": frozenset(map(date.fromisoformat, table.dates)),
        "except_dates": frozenset(map(date.fromisoformat, table.except_dates)),
        "holidays": OnHolidays(table.holidays),
        "public": public,
    }


def _root(site: Site) -> str:
    return next(circuit.id for circuit in site.circuits if circuit.parent is None)


def _file(text: str | None) -> Path | None:
    return Path(text) if text is not None else None
