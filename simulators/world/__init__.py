"""The world in virtual time: the real daemon on a simulated network, with simulated stations, cars, meters and cloud.

The only room of the simulators that may import ``edge``: it hosts the program itself, as its composition root joins it.
"""
