"""What must hold between the keys of a site file: one table of small rules.

A rule looks at a :class:`~edge.config.draft.Draft` and yields the faults that it sees. It need not care for values that
the schema has refused: faults at such places are left out here.
"""

from collections.abc import Callable, Iterator

from edge.config import (
    rules_bms,
    rules_circuits,
    rules_cloud,
    rules_limits,
    rules_meters,
    rules_network,
    rules_own_meters,
    rules_safety,
    rules_schedule,
    rules_security,
    rules_stations,
)
from edge.config.draft import Draft
from edge.config.faults import Fault

Rule = Callable[[Draft], Iterator[Fault]]

RULES: tuple[Rule, ...] = (
    rules_circuits.unique_ids,
    rules_circuits.one_grid_connection,
    rules_circuits.parents_exist,
    rules_circuits.no_cycle,
    rules_circuits.margin_below_fuse,
    rules_circuits.child_fuse_not_above_parent,
    rules_circuits.meters_exist,
    rules_circuits.meter_used_once,
    rules_circuits.building_load_known,
    rules_circuits.reserve_known,
    rules_safety.safe_currents_fit,
    rules_safety.safe_power_fits,
    rules_safety.floors_fit,
    rules_stations.unique_ids,
    rules_stations.identity_can_be_seen,
    rules_stations.controllers_are_one,
    rules_stations.circuits_exist,
    rules_stations.classes_exist,
    rules_stations.rated,
    rules_stations.currents_in_order,
    rules_stations.minimum_can_charge,
    rules_stations.fallback_can_charge,
    rules_stations.phases_distinct,
    rules_stations.switching_possible,
    rules_stations.steps_writable,
    rules_stations.step_between_bounds,
    rules_stations.balance_lets_start,
    rules_network.time_zone_exists,
    rules_network.reading_outlives_polls,
    rules_network.one_listener_per_port,
    rules_network.ports_can_be_opened,
    rules_network.upstream_address,
    rules_network.clouds_are_elsewhere,
    rules_network.mirror_addresses,
    rules_network.own_identity,
    rules_cloud.no_cloud_is_told,
    rules_cloud.nothing_is_for_no_cloud,
    rules_cloud.who_follows_is_told,
    rules_cloud.own_station_has_a_cloud,
    rules_bms.broker_address,
    rules_bms.credentials_whole,
    rules_bms.fallback_known,
    rules_bms.fallback_below_fuse,
    rules_bms.circuits_exist,
    rules_bms.devices_known,
    rules_bms.window_length,
    rules_bms.demand_measured,
    rules_bms.bridges_have_a_way,
    rules_bms.holidays_known,
    rules_bms.surplus_measured,
    rules_limits.limits_bind,
    rules_schedule.schedule_says_something,
    rules_schedule.schedule_classes_exist,
    rules_schedule.closing_agrees,
    rules_meters.connections,
    rules_meters.one_setting_per_line,
    rules_meters.models_known,
    rules_meters.model_fits_connection,
    rules_meters.unit_can_be_asked,
    rules_meters.guards_its_circuit,
    rules_meters.founded,
    rules_own_meters.model_or_map,
    rules_own_meters.maps_usable,
    rules_own_meters.topic_values,
    rules_own_meters.topic_tells_phases_apart,
    rules_own_meters.broker_access_fits,
    rules_own_meters.topic_guards_its_circuit,
    rules_security.profile_is_chosen,
    rules_security.keys_are_known,
    rules_security.tls_is_set_up,
    rules_security.cloud_tls_is_whole,
    rules_security.station_path,
)


def check(draft: Draft) -> Iterator[Fault]:
    """Every fault that the rules find."""
    for rule in RULES:
        yield from (fault for fault in rule(draft) if draft.sound(*fault.path))
