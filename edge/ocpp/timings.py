"""How long the sockets wait for what."""

from dataclasses import dataclass

from edge.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTimings:
    """The shell's periods and patience; the defaults are for a site, a test may be in a hurry."""

    tick_every_s: Seconds = 0.5  # the shortest deadline of a relay is a second
    ping_every_s: Seconds = 20.0  # keeps mobile routers from forgetting the connection
    silence_s: Seconds = 180.0  # some stations answer no ping (lbbrhzn/ocpp issue 211): only full silence is death
    takeover_ping_s: Seconds = 3.0  # a live station on a slow mobile link answers in two
    handshake_s: Seconds = 12.0  # TLS, request, answer: a takeover's ping and the dial are within it
    dial_s: Seconds = 8.0  # below the ten seconds that a station's own handshake may take
    redial_first_s: Seconds = 0.5
    redial_last_s: Seconds = 15.0
    rush_s: Seconds = 3.0  # when the cloud is known to be back, all dial within this: 70 handshakes/s of 200 stations
    stable_s: Seconds = 60.0  # an upstream connection that held this long starts the back-off anew
    certificates_every_s: Seconds = 10.0  # how soon a renewed certificate is used
    close_s: Seconds = 0.5  # for each closing handshake: station, then cloud, within the 1.5 s of a stop
    stop_s: Seconds = 1.2  # then whatever is still open is cut,
    cut_s: Seconds = 0.2  # and its handlers have this long to end
