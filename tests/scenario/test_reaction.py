"""How soon a site is back under its fuse when the building takes more."""

import pytest

from tests.scenario.steady_site import RATING_A, Conditions, SteadySite


@pytest.mark.parametrize("waits_s", [25, 35])
def test_cars_that_take_less_than_they_may_are_cut_at_once(waits_s: int) -> None:
    """Three cars were given more than the 16 A that they can take ``waits_s`` ago, and have been sampled since they had
    their time to take that up. The building rises: it isn't they, and one answer brings the site back.
    """
    site = SteadySite(Conditions(lag_s=1.0, sample_every_s=5.0))
    site.background_a = 40.4
    for car in site.cars:
        car.takes_a = 16.0
    site.arrive(0, 1, 2)
    for _ in range(60):
        site.second()
    site.background_a = 10.4
    for _ in range(waits_s):
        site.second()
    assert site.drawn_a == 48.0
    assert all(site.limit_a[car.evse.key] > 20.0 for car in site.cars[:3])
    site.background_a += 30.0
    for _ in range(3):
        site.second()
    assert site.flow_a <= RATING_A
