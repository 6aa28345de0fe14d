"""The console as one application: routes, the order of the guards, and an answer to everything that goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from fastapi import Depends, FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from ccm_link.console import needs_stream, patient_head, refusals, security, surroundings
from ccm_link.console.fhir import api as fhir_api
from ccm_link.console.json_api import (
    api,
    api_page,
    conditions_api,
    enrolment_api,
    external_time_api,
    gateways_api,
    month_api,
    peripherals_api,
    plan_api,
    planned_api,
    programs_api,
    readings_api,
    readings_stream,
    record_api,
    rules_api,
    statistics_api,
    strict_requests,
    time_api,
)
from ccm_link.console.pages import (
    account,
    audit_trail,
    care_gaps,
    care_plan,
    codes,
    conditions,
    contacts,
    credentials,
    education,
    ehr_link,
    emergency_access,
    enrolments,
    entrance,
    escalation,
    evidence,
    expected,
    external_systems,
    gateway_configuration,
    gateways,
    home_accounts,
    medication,
    month_locks,
    not_active,
    on_call,
    own_plan,
    own_record,
    packets,
    patient_limits,
    patient_list,
    patient_month,
    patient_program,
    patient_tasks,
    patient_team,
    patients,
    peripherals,
    plan_draft,
    planning,
    practice_month,
    program_grounds,
    program_list,
    program_report,
    program_set_up,
    provider,
    quiet_times,
    readings,
    record,
    record_contacts,
    record_coverage,
    restrictions,
    rule_burden,
    rule_sets,
    rules,
    self_audit,
    silence,
    staff,
    stays,
    tasks,
    time_log,
    time_review,
    timer,
    who_bills,
    worklist,
)
from ccm_link.console.routes import permissions
from ccm_link.console.surroundings import Pool, Surroundings
from ccm_link.settings import CcmLinkSettings

_ROUTERS: Final = (
    entrance.router,
    codes.router,
    provider.router,
    account.router,
    worklist.router,
    not_active.router,
    patient_list.router,
    patients.router,
    record.router,
    care_plan.router,
    plan_draft.router,
    medication.router,
    stays.router,
    education.router,
    care_gaps.router,
    record_coverage.router,
    record_contacts.router,
    program_set_up.router,
    program_list.router,
    patient_program.router,
    enrolments.router,
    program_grounds.router,
    patient_team.router,
    conditions.router,
    patient_tasks.router,
    planning.router,
    patient_month.router,
    who_bills.router,
    practice_month.router,
    patient_limits.router,
    expected.router,
    rule_sets.router,
    rule_burden.router,
    rules.router,
    tasks.router,
    timer.router,
    time_review.router,
    month_locks.router,
    time_log.router,
    credentials.router,
    silence.router,
    peripherals.router,
    readings.router,
    gateways.router,
    gateway_configuration.router,
    quiet_times.router,
    escalation.router,
    on_call.router,
    contacts.router,
    needs_stream.router,
    staff.router,
    home_accounts.router,
    audit_trail.router,
    own_plan.router,
    own_record.router,
    evidence.router,
    packets.router,
    self_audit.router,
    program_report.router,
    emergency_access.router,
    restrictions.router,
    api.router,
    api_page.router,
    peripherals_api.router,
    gateways_api.router,
    conditions_api.router,
    planned_api.router,
    month_api.router,
    programs_api.router,
    record_api.router,
    plan_api.router,
    rules_api.router,
    readings_api.router,
    readings_stream.router,
    statistics_api.router,
    fhir_api.router,
    ehr_link.router,
    external_systems.router,
    external_time_api.router,
    enrolment_api.router,
    time_api.router,
)


class _KeptFiles(StaticFiles):
    """Files that a browser may keep for a day; the sheet's address changes with its content anyway."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        answer = super().file_response(*args, **kwargs)
        answer.headers["Cache-Control"] = "public, max-age=86400"
        return answer


def create_app(
    pool: Pool, entrance: Pool, settings: CcmLinkSettings, clock: Callable[[], datetime]
) -> FastAPI:
    """Put the console together.

    Args:
        pool: Connections of the role homevitals_console; the caller opens and closes it.
        entrance: Connections of the role homevitals_entrance; likewise.
        settings: Section ``ccm_link``.
        clock: Returns now, aware UTC.

    Raises:
        SettingsError: passwords would cross a network in the clear.
    """
    surroundings.check(settings)
    here = Surroundings(pool, entrance, settings, clock)
    app = FastAPI(
        title="Homevitals",
        # FastAPI's own pages load scripts from a foreign host, and its own description would need no sign-in.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[
            Depends(permissions.permit),
            Depends(strict_requests.check_address),
            Depends(strict_requests.check_body),
        ],
    )
    app.state.surroundings = here
    for router in _ROUTERS:
        app.include_router(router)
    app.mount("/static", _KeptFiles(packages=[("ccm_link.console", "static")]))
    # The last one added is the first one asked.
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=security.MAX_BODY_BYTES)
    app.add_middleware(
        TrustedHostMiddleware, allowed_hosts=list(here.host_names), www_redirect=False
    )
    app.add_middleware(security.AccessLog)
    app.add_middleware(security.BrowserProtection, is_https=here.is_https)
    refusals.install(app)
    app.exception_handler(patient_head.AccessLimited)(patient_head.answer_limited)
    return app
