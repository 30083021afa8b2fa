"""Measure the service whose host this runs in, for operators."""

from dataclasses import asdict

from functions.platform.ports import HostWork
from shared.contracts.gen.operators_pb2 import MeasureRequest, MeasureResponse


def measure_service(request: MeasureRequest, work: HostWork) -> MeasureResponse:
    """The service in figures, as they were at most some seconds ago."""
    figures = work.figures.read()
    return MeasureResponse(
        measured_at=figures.measured_at,
        counts=[MeasureResponse.Count(**asdict(each)) for each in figures.counts],
        money=[MeasureResponse.Money(**asdict(each)) for each in figures.money],
        stock=[MeasureResponse.Stock(**asdict(each)) for each in figures.stock],
        breakers=[MeasureResponse.Breaker(**asdict(each)) for each in figures.breakers],
        unsent_events=figures.unsent_events,
        unsent_seconds=figures.unsent_seconds,
        parked_events=figures.parked_events,
        invariants=MeasureResponse.Invariants(**asdict(figures.invariants)) if figures.invariants else None,
    )
