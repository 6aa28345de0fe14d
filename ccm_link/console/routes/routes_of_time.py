"""What each route about time does with which resource; a part of the table of routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ccm_link.console.routes.rights import Action, Resource, Rule

_TIMER: Final[Rule] = (Resource.TIMER, Action.CHANGE)
_REVIEW: Final[Rule] = (Resource.TIME_APPROVAL, Action.REVIEW)

ROUTES: Final[Mapping[str, Rule | None]] = {
    "POST /tasks/{task_id}/draft": (Resource.TASK, Action.CHANGE),
    "GET /timer": (Resource.TIMER, Action.VIEW),
    "POST /timer/stop": _TIMER,
    "POST /timer/discard": _TIMER,
    "POST /timer/pause": _TIMER,
    "POST /timer/resume": _TIMER,
    "POST /timer/pulse": _TIMER,
    "GET /timer/dropped/{dropped_id}": _TIMER,
    "POST /timer/dropped/{dropped_id}": _TIMER,
    "GET /time": (Resource.TIME_LOG, Action.VIEW),
    "GET /time/chain": (Resource.TIME_LOG, Action.VIEW),
    "GET /time/{entry_id}": (Resource.TIME_LOG, Action.VIEW),
    "GET /time/{entry_id}/void": (Resource.TIME_LOG, Action.CHANGE),
    "POST /time/{entry_id}/void": (Resource.TIME_LOG, Action.CHANGE),
    "POST /time/{entry_id}/amendments": (Resource.TIME_LOG, Action.CHANGE),
    "GET /time/approval": (Resource.TIME_APPROVAL, Action.VIEW),
    "POST /time/approval/policy": (Resource.TIME_APPROVAL, Action.CHANGE),
    "POST /time/approval/entries/{entry_id}": _REVIEW,
    "POST /time/approval/amendments/{amendment_id}": _REVIEW,
    "GET /time/conflicts": (Resource.TIME_APPROVAL, Action.VIEW),
    "POST /time/conflicts/{entry_id}/{rival_id}": _REVIEW,
    "GET /time/locks": (Resource.TIME_LOG, Action.VIEW),
    "POST /time/locks": (Resource.MONTH_LOCK, Action.CHANGE),
    "GET /staff/credentials": (Resource.CREDENTIAL, Action.VIEW),
    "POST /staff/{staff_id}/credentials": (Resource.CREDENTIAL, Action.CHANGE),
    "POST /staff/credentials/{credential_id}/end": (Resource.CREDENTIAL, Action.CHANGE),
    "POST /api/v1/timer/stop": _TIMER,
    "POST /api/v1/timer/pause": _TIMER,
    "POST /api/v1/timer/resume": _TIMER,
    "POST /api/v1/timer/pulse": _TIMER,
    "POST /api/v1/time-entries": (Resource.TIME_LOG, Action.CHANGE),
    "GET /api/v1/time-entries": (Resource.TIME_LOG, Action.VIEW),
    "GET /api/v1/time-conflicts": (Resource.TIME_APPROVAL, Action.VIEW),
}
