"""The ward process: all peripherals of one home on one air, and the gateway's radio."""

from __future__ import annotations

import asyncio
import logging
import signal
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bumble.link import LocalLink

from gateway.errors import ExitCode
from gateway.ward import cuff_habits, home, meter_habits, series
from gateway.ward.and_siblings import Scale, Thermometer
from gateway.ward.cuff import Cuff
from gateway.ward.glucometer import Glucometer
from gateway.ward.omron_cuff import OmronCuff, OmronLittleEndianCuff
from gateway.ward.onetouch_meter import OneTouchMeter
from gateway.ward.radio_server import RadioServer
from gateway.ward.series import BloodPressureRow, GlucoseRow
from gateway.ward.taidoc_device import TaidocCuff, TaidocMeter
from gateway.ward.transtek_cuff import TranstekCuff
from gateway.ward.virtual_peripheral import VirtualPeripheral

log = logging.getLogger(__name__)


class Ward:
    """The peripherals of a home and the radio through which a gateway reaches them.

    Args:
        plan: The checked home file.
        now: True time, aware UTC.
    """

    def __init__(self, plan: home.Home, now: Callable[[], datetime]) -> None:
        self._plan = plan
        self._air = LocalLink()  # type: ignore[no-untyped-call]
        self._radio_server = RadioServer(self._air)
        zone = zoneinfo.ZoneInfo(plan.ward.time_zone)
        self.peripherals = [_made(settings, plan, zone, now) for settings in plan.peripherals]

    async def start(self) -> int:
        """Switch everything on; return the port on which the radio is offered."""
        # bumble's warnings quote packets, and packets hold measurements.
        logging.getLogger("bumble").setLevel(logging.ERROR)
        for peripheral in self.peripherals:
            await peripheral.switch_on(self._air)
        return await self._radio_server.start(self._plan.ward.port)

    async def stop(self) -> None:
        """Switch everything off."""
        await self._radio_server.stop()
        for peripheral in self.peripherals:
            await peripheral.switch_off()


def run(plan: home.Home) -> ExitCode:
    """Run a ward until SIGTERM or SIGINT, and return the exit code that belongs to it."""
    return asyncio.run(_until_signal(plan))


async def _until_signal(plan: home.Home) -> ExitCode:
    loop = asyncio.get_running_loop()
    stopped_by: asyncio.Future[signal.Signals] = loop.create_future()

    def stop(number: signal.Signals) -> None:
        if not stopped_by.done():
            stopped_by.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    ward = Ward(plan, lambda: datetime.now(UTC))
    await ward.start()
    log.info("ward_started", extra={"count": len(ward.peripherals)})
    received = await stopped_by
    await ward.stop()
    log.info("ward_stopped")
    return ExitCode.INTERRUPTED if received is signal.SIGINT else ExitCode.OK


_CUFFS: Final[Mapping[str, type[VirtualPeripheral[BloodPressureRow]]]] = {
    **dict.fromkeys(cuff_habits.BY_MODEL, Cuff),
    "and-uc-352ble": Scale,
    "and-ut-201ble": Thermometer,
    home.WELCH_ALLYN_BP100: TranstekCuff,
    home.FORA_P30_PLUS: TaidocCuff,
    home.OMRON_HEM_7155T: OmronLittleEndianCuff,
    home.OMRON_HEM_7322T: OmronCuff,
}
_METERS: Final[Mapping[str, type[VirtualPeripheral[GlucoseRow]]]] = {
    **dict.fromkeys(meter_habits.BY_MODEL, Glucometer),
    home.TAIDOC_METER: TaidocMeter,
    home.ONETOUCH_VERIO: OneTouchMeter,
}


def _made(
    settings: home.PeripheralSettings,
    plan: home.Home,
    zone: zoneinfo.ZoneInfo,
    now: Callable[[], datetime],
) -> VirtualPeripheral[Any]:
    folder = plan.ward.state_folder / settings.address.replace(":", "").lower()
    live_from = settings.live_from_time
    if settings.model in _CUFFS:
        pressures = series.blood_pressure(settings.readings, live_from)
        return _CUFFS[settings.model](settings, pressures, zone, folder, now)
    concentrations = series.glucose(settings.readings, live_from)
    return _METERS[settings.model](settings, concentrations, zone, folder, now)
