"""From the checked tables to the site of the domain."""

from pathlib import Path

from edge.config.ratings import Ratings
from edge.config.schema import SiteFile
from edge.config.schema_site import ClassTable, MeterTable
from edge.config.schema_station import EvseTable, StationTable
from edge.domain.site import BrokerAccess, Circuit, ControlSettings, Evse, EvseKey, Meter, Priority, Site, Station
from edge.domain.topic import TopicValue, parse_json_path


def site(file: SiteFile, folder: Path) -> Site:
    """The site that ``file``, which lies in ``folder``, describes. It must have passed the schema and the rules."""
    control = file.control
    return Site(
        id=file.site.id,
        timezone=file.site.timezone,
        holidays=file.site.holidays,
        nominal_voltage_v=file.site.nominal_voltage_v,
        control=ControlSettings(
            mode=control.mode,
            period_s=control.period_s,
            lease_s=control.lease_s,
            idle=control.idle,
            meter_stale_s=control.meter_stale_s,
            turn_s=control.turn_s,
            min_off_s=control.min_off_s,
            raises_per_hour=control.raises_per_hour,
        ),
        circuits=tuple(
            Circuit(
                id=circuit.id,
                parent=circuit.parent,
                fuse_a=circuit.fuse_a,
                margin_a=circuit.margin_a,
                limit_w=circuit.limit_w,
                meter=circuit.meter,
                background_reserve_a=circuit.background_reserve_a,
            )
            for circuit in file.circuit
        ),
        meters=tuple(_meter(meter, folder) for meter in file.meter),
        stations=tuple(_station(station, file) for station in file.station),
        imbalance_limit_a=file.site.imbalance_limit_a,
    )


def classes(file: SiteFile) -> dict[str, Priority]:
    """What each priority class means, by its id."""
    return {each.id: _priority(each) for each in file.class_}


def _priority(table: ClassTable) -> Priority:
    return Priority(rank=table.rank, weight=table.weight, guaranteed=table.guaranteed, class_id=table.id)


def _meter(table: MeterTable, folder: Path) -> Meter:
    return Meter(
        id=table.id,
        model=table.model if table.model is not None else str(folder / str(table.map)),
        connection=table.connection,
        unit=table.unit,
        values=tuple(
            TopicValue(quantity=value.quantity, path=parse_json_path(value.path), scale=value.scale)
            for value in table.value
        ),
        access=BrokerAccess(username=table.username, password=table.password, ca_file=table.ca_file),
    )


def _station(table: StationTable, file: SiteFile) -> Station:
    priority = _class_of(table, file.class_)
    evses = tuple(_evse(table, evse, priority, file) for evse in table.evse)
    return Station(id=table.id, evses=evses)


def _evse(station: StationTable, table: EvseTable, priority: ClassTable | None, file: SiteFile) -> Evse:
    ratings = Ratings.of(table, file.site.nominal_voltage_v)
    return Evse(
        key=EvseKey(station=station.id, evse=table.id),
        circuit=station.circuit,
        phases=table.phases,
        min_a=ratings.min_a,
        max_a=ratings.max_a,
        fallback_a=ratings.fallback_a,
        rank=priority.rank if priority is not None else 0,
        weight=priority.weight if priority is not None else 1.0,
        guaranteed=priority.guaranteed if priority is not None else False,
        step_a=table.step_a,
        supply=table.supply,
        switches_phases=table.switches_phases,
        never_zero=table.never_zero,
        on_surplus=table.surplus if table.surplus is not None else priority is not None and priority.surplus,
        whole_site=station.controller,
        class_id=priority.id if priority is not None else None,
    )


def _class_of(table: StationTable, classes: tuple[ClassTable, ...]) -> ClassTable | None:
    """The class that the station names, else the one of the lowest rank, else none."""
    if table.class_ is None:
        return min(classes, key=lambda element: element.rank, default=None)
    return next(element for element in classes if element.id == table.class_)
