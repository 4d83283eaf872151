"""The oracles: what has to hold in every run, whatever is wrong with the site."""

from collections.abc import Callable
from typing import Final

from simulators.world.oracles.answers import StationsAreAnswered
from simulators.world.oracles.asked import CloudIsHeard
from simulators.world.oracles.balance import PhasesAreBalanced
from simulators.world.oracles.base import Oracle
from simulators.world.oracles.beliefs import BeliefsAreTrue
from simulators.world.oracles.below import BelowKeepsItsShare
from simulators.world.oracles.books import EachTransactionOnce, NobodyIsStuck
from simulators.world.oracles.building import DemandIsKept, DimmingIsObeyed, LimitsHold, ModbusIsHeard, MqttIsHeard
from simulators.world.oracles.electric import EntitledUnderRating, FlowsUnderRating, ProtectionHolds
from simulators.world.oracles.frames import DeadManLimits, InstallersLimit, NeverCleared
from simulators.world.oracles.machine import BoundedResources, ContactorsSpared, GatewayControls, WritesSpared
from simulators.world.oracles.phases import PhasesAreChosen
from simulators.world.oracles.points import BuildingIsShown
from simulators.world.oracles.raises import RaisesArePaidFor
from simulators.world.oracles.reasons import ReasonsAreTrue
from simulators.world.oracles.relayed import BytesPass
from simulators.world.oracles.shares import SharesAreFair
from simulators.world.oracles.signals import SignalsAreKnown, SignalsAreObeyed
from simulators.world.oracles.steady import LimitsStandStill
from simulators.world.oracles.sun import SunIsShared
from simulators.world.oracles.turns import TurnsChange
from simulators.world.world import World

ORACLES: Final[tuple[Callable[[World], Oracle], ...]] = (
    FlowsUnderRating,
    ProtectionHolds,
    EntitledUnderRating,
    BelowKeepsItsShare,
    LimitsHold,
    DimmingIsObeyed,
    SignalsAreObeyed,
    SignalsAreKnown,
    ModbusIsHeard,
    MqttIsHeard,
    DemandIsKept,
    PhasesAreBalanced,
    BuildingIsShown,
    RaisesArePaidFor,
    EachTransactionOnce,
    NobodyIsStuck,
    SharesAreFair,
    SunIsShared,
    PhasesAreChosen,
    ReasonsAreTrue,
    TurnsChange,
    BeliefsAreTrue,
    BytesPass,
    CloudIsHeard,
    StationsAreAnswered,
    InstallersLimit,
    DeadManLimits,
    NeverCleared,
    GatewayControls,
    BoundedResources,
    WritesSpared,
    LimitsStandStill,
    ContactorsSpared,
)

__all__ = ["ORACLES", "Oracle"]
