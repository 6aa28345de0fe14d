"""The care plan and what stands around it: goals, medication, stays, education, and what a patient’s care lacks."""

from __future__ import annotations
