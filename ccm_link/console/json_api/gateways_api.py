"""The JSON API of gateways: how they are by their own word, for those who look after them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from ccm_link.console import problems
from ccm_link.console.desk import AtDesk
from ccm_link.console.json_api import api_models, gateway_models
from ccm_link.console.posted import inputs
from ccm_link.console.words import gateway_health_words
from ingest import gateway_health, store

router = APIRouter(prefix="/api/v1/gateways", responses=api_models.REFUSALS)


@router.get("")
def gateways(desk: AtDesk) -> gateway_models.Gateways:
    """Return the practice's gateways with what each said last of itself."""
    with desk.transaction() as cur:
        found = store.gateways(cur, desk.practice_id)
        said = gateway_health.last(cur, desk.practice_id)
        desk.saw(gateways=len(found))
    return gateway_models.Gateways(
        gateways=[
            gateway_models.Gateway(
                gateway_id=one.gateway_id,
                label=one.label,
                status=one.status,
                enrolled_at=one.enrolled_at,
                last_seen_at=one.last_seen_at,
                is_online=one.is_online,
                last_word=_last_word(said.get(one.gateway_id)),
                troubles=gateway_health_words.trouble_count(said.get(one.gateway_id), desk.now),
            )
            for one in found
        ]
    )


@router.get("/{gateway_id}/health")
def health(
    desk: AtDesk, gateway_id: str, asked: Annotated[inputs.GatewayPast, Query()]
) -> gateway_models.GatewayHealth:
    """Return how a gateway is, how it was in the last days, and what damaged outboxes took along."""
    with desk.transaction() as cur:
        if gateway_id not in {one.gateway_id for one in store.gateways(cur, desk.practice_id)}:
            raise problems.Refused(problems.NOT_FOUND)
        said = gateway_health.last(cur, desk.practice_id, gateway_id).get(gateway_id)
        since = desk.now - timedelta(days=asked.days)
        past = gateway_health.past(cur, desk.practice_id, gateway_id, since)
        salvages = gateway_health.salvages(cur, desk.practice_id, gateway_id)
        desk.saw(resource_id=gateway_id)
    return gateway_models.GatewayHealth(
        gateway_id=gateway_id,
        last_word=_last_word(said),
        past=[gateway_models.Past.model_validate(one) for one in past],
        salvages=[gateway_models.SalvagedOutbox.model_validate(one) for one in salvages],
    )


def _last_word(word: gateway_health.LastWord | None) -> gateway_models.LastWord | None:
    return None if word is None else gateway_models.LastWord.model_validate(word)
