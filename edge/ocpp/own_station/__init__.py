"""The gateway as a station of its own: one without EVSEs, whose meter is the site's (OCPP 2.x part 1 §8.3)."""
