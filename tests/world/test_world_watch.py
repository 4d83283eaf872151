"""Who hears the world's frames."""

from simulators.world.watch import Audience, Ear


class OfStations(Ear):
    """Hears what stations say."""

    def __init__(self, name: str, heard: list[str]) -> None:
        self._name = name
        self._heard = heard

    def station_said(self, identity: str, text: str) -> None:
        self._heard.append(f"{self._name}: {identity} {text}")


class OfClouds(OfStations):
    """Hears what the cloud says, too."""

    def cloud_said(self, identity: str, text: str) -> None:
        self._heard.append(f"{self._name}: cloud to {identity} {text}")


def test_an_ear_is_told_what_it_does_something_with_in_the_order_of_coming() -> None:
    """Methods of its own and of its class's parents count; one that has left hears nothing."""
    heard: list[str] = []
    audience, first, second = Audience(), OfStations("first", heard), OfClouds("second", heard)
    audience.append(first)
    audience.extend((Ear(), second))
    assert audience.station_got == audience.cloud_got == ()
    assert audience.cloud_met == ()
    for hear in (*audience.station_said, *audience.cloud_said):
        hear("CP-01", "hello")
    assert heard == ["first: CP-01 hello", "second: CP-01 hello", "second: cloud to CP-01 hello"]
    audience.remove(second)
    assert audience.cloud_said == ()
    assert audience.station_said == (first.station_said,)
