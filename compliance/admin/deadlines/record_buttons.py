"""The buttons of the page of a deadline that record something about it."""

from __future__ import annotations

from compliance.admin.deadlines.determinations import DeterminationForm
from compliance.admin.deadlines.extensions import ExtensionForm
from compliance.admin.deadlines.fact_forms import (
    CancellationForm,
    MeasurementForm,
    PerformanceForm,
    RestatementForm,
    RetractionForm,
    SuspensionForm,
    TriggerForm,
    ViolationForm,
    WaiverForm,
)
from compliance.admin.deadlines.positions import PositionForm
from compliance.admin.deadlines.replacements import ReplacementForm
from compliance.admin.evidence.evidence import DeadlineEvidenceForm
from compliance.admin.record_pages import RecordButton

_RECORD_FACT = ["view", "record_fact"]

RECORD_BUTTONS = (
    RecordButton(
        name="record_performance", label="Record performance", icon="task_alt",
        form_class=PerformanceForm, permissions=["view", "record_performance"],
    ),
    RecordButton(
        name="record_violation", label="Record violation", icon="report",
        form_class=ViolationForm, permissions=["view", "record_violation"],
    ),
    RecordButton(
        name="record_measurement", label="Record measurement", icon="straighten",
        form_class=MeasurementForm, permissions=["view", "record_measurement"],
    ),
    RecordButton(
        name="record_trigger", label="Record trigger", icon="bolt",
        form_class=TriggerForm, permissions=["view", "record_trigger"],
    ),
    RecordButton(
        name="record_extension", label="Record extension", icon="more_time",
        form_class=ExtensionForm, permissions=_RECORD_FACT,
    ),
    RecordButton(
        name="state_position", label="State a position", icon="record_voice_over",
        form_class=PositionForm, permissions=["view", "state_position"],
    ),
    RecordButton(
        name="add_evidence", label="Add evidence", icon="attach_file",
        form_class=DeadlineEvidenceForm, permissions=["view", "add_evidence"],
    ),
    RecordButton(
        name="record_determination", label="Record determination", icon="balance",
        form_class=DeterminationForm, permissions=_RECORD_FACT,
    ),
    RecordButton(
        name="record_waiver", label="Record waiver", icon="do_not_disturb_on",
        form_class=WaiverForm, permissions=_RECORD_FACT,
    ),
    RecordButton(
        name="replace_obligation", label="Record replacement", icon="swap_horiz",
        form_class=ReplacementForm, permissions=_RECORD_FACT,
    ),
    RecordButton(
        name="suspend_deadline", label="Suspend the deadline", icon="pause_circle",
        form_class=SuspensionForm, permissions=_RECORD_FACT,
    ),
    RecordButton(
        name="restate_target", label="Restate the target", icon="scale",
        form_class=RestatementForm, permissions=["view", "restate_target"],
    ),
    RecordButton(
        name="retract_fact", label="Retract a fact", icon="undo",
        form_class=RetractionForm, permissions=_RECORD_FACT,
    ),
    RecordButton(
        name="cancel_deadline", label="Cancel the deadline", icon="cancel",
        form_class=CancellationForm, permissions=_RECORD_FACT,
    ),
)  # fmt: skip
