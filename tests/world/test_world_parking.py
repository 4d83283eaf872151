"""The car park of the world."""

from typing import cast

from simulators.charger import ElectricVehicle
from simulators.site import Endpoint, EvseSpec, SiteSpec
from simulators.world.drivers import visits
from simulators.world.parking import Parking
from simulators.world.station import WorldStation
from tests.world.worlds import small

SITE = SiteSpec(
    id="yard",
    nominal_voltage_v=230.0,
    circuits=(),
    evses=(EvseSpec(station="CP-1", evse_id=1, circuit="main", rotation=(0, 1, 2), max_a=32.0),),
    gateway=Endpoint(host="10.1.0.1", port=9000),
    cloud=Endpoint(host="203.0.113.10", port=80),
    meter=Endpoint(host="10.1.0.20", port=502),
    meter_unit=1,
)


class Post:
    """A station that knows only whether a car is plugged in."""

    def __init__(self) -> None:
        self._is_taken = False

    def arrive(self, _connector_id: int, _ev: ElectricVehicle, _id_tag: str) -> None:
        assert not self._is_taken
        self._is_taken = True

    def leave(self, _connector_id: int) -> None:
        self._is_taken = False

    def has_car(self) -> bool:
        return self._is_taken


def test_who_has_left_plugs_in_no_more() -> None:
    """A fault may let a driver begin anew when the car is gone: the post is the next one's."""
    post = Post()
    parking = Parking(SITE, {"CP-1": cast(WorldStation, post)}, seed=1)
    first, second, *_ = visits(small().drivers, seed=1, begins_s=8 * 3600.0, for_s=1800.0)
    stay = parking.arrive(first, 100.0)
    assert stay is not None
    parking.plug_again(stay)
    assert post.has_car()
    parking.leave(stay, 200.0)
    parking.plug_again(stay)
    assert not post.has_car()
    assert parking.arrive(second, 300.0) is not None
