"""The comments of a new site file: what its reader needs at hand, at the first of each kind of table."""

NOTES = {
    "control.mode": "observe: commands nothing. The signature of edge commission makes it control",
    "circuit": "the one without a parent is the grid connection",
    "circuit.fuse_a": "per phase",
    "circuit.margin_a": "what to stay below the fuse",
    "circuit.background_reserve_a": "the building's worst load, for the proof that safe currents fit",
    "circuit.meter": "measures all that flows through this circuit",
    "meter.connection": "edge meter scan finds it, edge meter verify proves its wiring",
    "station.id": "the last part of the address that the station dials",
    "station.key_hash": "of the station's key; edge key makes a new pair",
    "station.evse.phases": "grid phase on the EVSE's own L1, L2, L3",
    "station.evse.fallback_a": "what it draws at most when it doesn't hear the gateway",
    "ocpp.listen": "the stations dial ws://<this address>/<station id>",
    "ocpp.upstream": "the cloud",
    "ocpp.security_profile": "0 none, 1 a key, 2 TLS and a key, 3 a certificate",
}
