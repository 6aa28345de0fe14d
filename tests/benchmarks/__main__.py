"""``./deploy/bench``: measure on this machine, print rates, CPU per reading, and ratios within the one run."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks import (
    alerts,
    backtest,
    burden,
    gateway,
    history,
    ingest,
    months,
    soak,
    stand,
    worklist,
)

_GATEWAY = "gateway"
_BURDEN = "burden"  # no measurement: what rules would have made of real readings


def main() -> int:
    parser = argparse.ArgumentParser(prog="deploy/bench", description=__doc__)
    parser.add_argument("name", choices=(*_NAMES, _BURDEN), help="what to measure")
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")
    parser.add_argument("--quick", action="store_true", help="one small round: does it run at all?")
    parser.add_argument(
        "--sizes",
        default="1000000,10000000",
        help="history: how many readings, one after the other; 100000000 takes an hour and 80 GiB",
    )
    parser.add_argument("--engine", choices=("partitions", "timescaledb"), help="only this storage")
    parser.add_argument(
        "--readings",
        type=int,
        default=10_000_000,
        help="soak: how many readings go through one worker",
    )
    parser.add_argument(
        "--patients",
        type=int,
        default=backtest.PATIENTS,
        help="backtest: how many patients have measured twice a day for a year",
    )
    parser.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="burden: write report and charts there instead of printing the report",
    )
    options = parser.parse_args()
    if options.name == _BURDEN:
        if options.into is None:
            print(burden.report(), end="")
        else:
            burden.write(options.into)
        return 0
    measure, print_found = _NAMES[options.name]
    found = {engine: measure(engine, options) for engine in _engines(options)}
    if options.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return 0
    for engine, results in found.items():
        print_found(engine, results)
    return 0


def _engines(options: argparse.Namespace) -> list[str]:
    if options.name == _GATEWAY:
        return ["bumble"]  # the host stack; there is no database
    engines = [options.engine] if options.engine else stand.engines()
    return [backtest.ARRAYS, *engines] if options.name == "backtest" else engines


def _ingest(engine: str, options: argparse.Namespace) -> dict[str, Any]:
    sizes = ingest.Sizes(1500, 20, 200, 2.0, 1) if options.quick else ingest.Sizes()
    load = os.getloadavg()[0]
    with stand.stand(engine) as here:
        bench = ingest.Bench(here, sizes, _tell)
        bench.run()
    return {
        "machine": {
            "cores": os.cpu_count(),
            "load_before": round(load, 2),
            "python": sys.version[:7],
        },
        "figures": {name: figure.told() for name, figure in bench.figures.items()},
        "ratios": {name: round(ratio, 2) for name, ratio in ingest.ratios(bench.figures).items()},
        **bench.notes,
    }


def _tell(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)
    else:
        print(words, file=sys.stderr, flush=True)


def _history(engine: str, options: argparse.Namespace) -> dict[str, Any]:
    sizes = [200_000] if options.quick else [int(size) for size in options.sizes.split(",")]
    with stand.stand(engine) as here:
        return history.run(here, sizes, _tell)


def _gateway(_engine: str, options: argparse.Namespace) -> dict[str, Any]:
    sizes = gateway.Sizes(20, 1, 2.0) if options.quick else gateway.Sizes()
    return gateway.run(sizes, _tell)


def _print_gateway(engine: str, results: dict[str, Any]) -> None:
    print(f"\n{engine}: {results['machine']}, {results['records']} records\n")
    for name in ("indications", "RACP"):
        for way, told in results[name].items():
            print(
                f"{name + ', ' + way:32} {told['seconds']:>8} s ({told['lowest']}–{told['highest']}), "
                f"{told['ms_per_record']} ms a record, link down after {told['whole_seconds']} s; "
                f"callback p50 {told['callback_p50_ms']} ms, p99 {told['callback_p99_ms']} ms"
            )
    disk = results["disk_sync_ms"]
    print(f"{'writing and syncing alone':32} p50 {disk['p50']} ms, p99 {disk['p99']} ms")
    for name, words in (("idle", "idle"), ("neighbour", "idle, a neighbour")):
        for way, told in results[name].items():
            print(
                f"{words + ', ' + way:32} {told['resident_mib']:>8} MiB resident, "
                f"{told['cpu_percent_of_a_core']} % of a core"
            )
    print()
    for name, ratio in results["ratios"].items():
        print(f"{name:58} {ratio:>8.2f}")


def _print_history(engine: str, results: dict[str, Any]) -> None:
    print(f"\n{engine}")
    sizes = list(results)
    print(f"{'readings':48}" + "".join(f"{size:>16}" for size in sizes))
    for name in results[sizes[0]]:
        print(f"{name:48}" + "".join(f"{results[size][name]:>16,}" for size in sizes))


def _backtest(engine: str, options: argparse.Namespace) -> dict[str, Any]:
    patients = 500 if options.quick else options.patients
    if engine == backtest.ARRAYS:
        return backtest.run_arrays(patients, _tell)
    with stand.stand(engine) as here:
        return backtest.run(here, engine, patients, _tell)


def _print_backtest(engine: str, results: dict[str, Any]) -> None:
    print(f"\n{engine}\n")
    by_rule = results.pop("million_rule_evaluations_per_core_s", {})
    for name, figure in results.items():
        print(f"{name.replace('_', ' '):40} {figure:>14,}")
    for rule, millions in by_rule.items():
        print(f"{rule:40} {millions:>14} million readings a second of a core")


def _alerts(engine: str, options: argparse.Namespace) -> dict[str, Any]:
    sizes = alerts.Sizes(500, 20, 3.0, 20) if options.quick else alerts.Sizes()
    with stand.stand(engine) as here:
        return alerts.Bench(here, sizes, _tell).run()


def _print_alerts(engine: str, results: dict[str, Any]) -> None:
    print(f"\n{engine}\n")
    for name, found in results["figures"].items():
        drained, loaded = found["draining"], found["at half of that rate"]
        cpu = ", ".join(f"{who} {us} µs" for who, us in drained["cpu_us_per_reading"].items())
        print(f"{name:28} draining {drained['readings_per_s']} readings a second; {cpu} each")
        for when, late in (("idle", found["idle"]), (f"{loaded['readings_per_s']}/s", loaded)):
            print(
                f"{'':28} {when:>8}: p50 {late['p50']} ms, p99 {late['p99']} ms,"
                f" highest {late['highest']} ms from commit to task"
            )
    for name, ratio in results["ratios"].items():
        print(f"{name:58} {ratio:>8.2f}")


def _months(engine: str, options: argparse.Namespace) -> dict[str, Any]:
    sizes = (500, 1_500) if options.quick else months.SIZES
    with stand.stand(engine) as here:
        return months.run(here, sizes, _tell)


def _print_months(engine: str, results: dict[str, Any]) -> None:
    print(f"\n{engine}")
    for when, figures in results.items():
        print(f"\n{when}: the time for a patient grows by a factor of {figures['growth']}")
        for size, told in figures.items():
            if size != "growth":
                print(
                    f"{size:>8} patients {told['seconds']:>7} s, own CPU {told['own_cpu_s']} s, database's "
                    f"{told['database_cpu_s']} s, peak {told['peak_mib']} MiB; {told['ready']} ready, "
                    f"{told['new_claims']} claims proposed anew"
                )


def _worklist(engine: str, options: argparse.Namespace) -> dict[str, Any]:
    sizes = (1_000, 5_000) if options.quick else worklist.SIZES
    with stand.stand(engine) as here:
        return worklist.run(here, sizes, _tell)


def _print_worklist(engine: str, results: dict[str, Any]) -> None:
    print(f"\n{engine}\n")
    for name, found in results.items():
        growth = found.pop("growth")
        told = "   ".join(
            f"{size}: p50 {took['p50_ms']} ms, p99 {took['p99_ms']} ms, CPU {took['server_cpu_ms']} ms"
            for size, took in found.items()
        )
        print(f"{name.replace('_', ' '):20} {told}   growth {growth}")


def _soak(engine: str, options: argparse.Namespace) -> dict[str, Any]:
    with stand.stand(engine) as here:
        return soak.run(here, 2 * soak.PART if options.quick else options.readings, _tell)


def _print_soak(engine: str, results: dict[str, Any]) -> None:
    print(f"\n{engine}: {results['readings_per_s']} readings a second\n")
    for readings, mib in results["memory_mib"].items():
        print(f"{readings:>12} readings {mib:>8} MiB")


def _print(engine: str, results: dict[str, Any]) -> None:
    print(f"\n{engine}: {results['machine']}\n")
    for name, figure in results["figures"].items():
        cpu = ", ".join(f"{who} {us} µs" for who, us in figure["cpu_us_per_reading"].items())
        span = f"{figure['lowest']}–{figure['highest']}"
        print(f"{name:58} {figure['readings_per_s']:>8} /s  ({span})  {cpu}")
    print()
    for name, ratio in results["ratios"].items():
        print(f"{name:58} {ratio:>8.2f}")
    late = results["publish_to_receipt_ms"]
    print(
        f"\nat {results['paced_readings_per_s']} readings a second, publish to receipt: "
        f"p50 {late['p50']} ms, p99 {late['p99']} ms, highest {late['highest']} ms; "
        f"worker {results['worker_mib']} MiB"
    )


# Name → what measures it on one storage engine, what prints the result. The gateway has none.
_NAMES = {
    "ingest": (_ingest, _print),
    "history": (_history, _print_history),
    "soak": (_soak, _print_soak),
    "backtest": (_backtest, _print_backtest),
    "alerts": (_alerts, _print_alerts),
    "month": (_months, _print_months),
    "worklist": (_worklist, _print_worklist),
    _GATEWAY: (_gateway, _print_gateway),
}

if __name__ == "__main__":
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    sys.exit(main())
