"""Simulated peers of the gateway: chargers with cars, a meter, a CSMS and the copper between them."""
