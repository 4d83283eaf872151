"""`edge-sim demo`: the whole site and the gateway in one command."""

import logging
from typing import Annotated

import typer

from simulators.cli.course import print_json, run_until_signal
from simulators.cli.options import ForOption, JsonOption, duration_s
from simulators.demo.result import DemoResult
from simulators.demo.run import run_demo
from simulators.demo.screen import screen_for
from simulators.scenario import load_scenario, varied

SCENARIO = "demo"


def demo(
    for_: ForOption = None,
    json: JsonOption = False,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Shift arrivals, obedience and ripple a little.")
    ] = None,
) -> None:
    """Run a simulated site with its gateway. Chargers, meter and cloud are in it; what is shown really flows."""
    for_s = duration_s(for_)
    scenario = load_scenario(SCENARIO)
    if seed is not None:
        scenario = varied(scenario, seed)
    # A station that has no connection says so in the log; here the screen shows it, and stderr must not tear it.
    logging.getLogger("simulators").addHandler(logging.NullHandler())
    with screen_for(json=json) as screen:
        result = run_until_signal(lambda stop: run_demo(scenario, for_s=for_s, screen=screen, stop=stop))
    if result is None:
        return
    if json:
        print_json(result.as_json())
    else:
        _summarise(result)


def _summarise(result: DemoResult) -> None:
    for circuit, amps in result.max_current_a.items():
        typer.echo(f"most on {circuit}: {' / '.join(f'{each:.1f}' for each in amps)} A")
    breaker = "a breaker TRIPPED" if result.breaker_tripped else "no breaker tripped"
    typer.echo(
        f"{result.seconds_over_rating:.1f} s over a rating; {breaker}; {result.energy_wh / 1000:.2f} kWh charged"
    )
    typer.echo(
        f"{result.transactions_started} transactions, {result.transactions_confirmed_by_cloud} confirmed by the cloud; "
        f"{result.profiles_sent} charging profiles; {result.ticks} ticks, {result.missed_ticks} missed"
    )
    if result.utilisation is not None:
        typer.echo(f"{result.utilisation:.1%} of the headroom used while cars wanted more")
