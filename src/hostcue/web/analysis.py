"""`/api/analysis/*`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from hostcue.errors import NotFound
from hostcue.model.tip import TipType
from hostcue.web.contract.analysis import AIScript, AnalysisBody, AnalysisRequest
from hostcue.web.contract.common import Id
from hostcue.web.errors import HostcueRoute
from hostcue.web.state import ServiceOf

router = APIRouter(prefix="/api/analysis", tags=["analysis"], route_class=HostcueRoute)


@router.post("/segment", status_code=202)
async def analyse_segment(body: AnalysisRequest, service: ServiceOf) -> AnalysisBody:
    """Analyse a segment by hand; one that was analysed is left alone unless `force` is set."""
    return AnalysisBody.of(
        await service.analysis_queue.request(body.recording_id, body.seq, force=body.force)
    )


@router.get("/tips/latest")
async def latest_tips(
    service: ServiceOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 5,
    room_id: Annotated[Id | None, Query()] = None,
    recording_id: Annotated[Id | None, Query()] = None,
    kind: Annotated[TipType | None, Query(alias="type")] = None,
) -> list[AIScript]:
    """The newest lines first."""
    tips = await service.tips.latest(limit, room_id=room_id, recording_id=recording_id, kind=kind)
    return [AIScript.of(tip) for tip in tips]


@router.get(
    "/frames/{id}", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}}
)
async def evidence_frame(id: Id, service: ServiceOf) -> Response:  # noqa: A002 - the contract's word
    """The picture that an evidence id names."""
    return Response(await service.tips.frame(id), media_type="image/jpeg")


@router.get("/status")
async def analysis_status(
    service: ServiceOf, recording_id: Id, seq: Annotated[int, Query(ge=0, le=2**31)]
) -> AnalysisBody:
    """Where a segment's newest analysis stands."""
    await service.segments.get(recording_id, seq)
    analysis = await service.analyses.get(recording_id, seq)
    if analysis is None:
        raise NotFound(
            f"segment {seq} was never analysed",
            field="seq",
            remedy="ask for it with POST /api/analysis/segment",
        )
    return AnalysisBody.of(analysis)
