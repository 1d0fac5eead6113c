"""The township's policy: versioned data files, their typed model, and the pure readings every service shares."""

from contracts.policy.calendar import Due, WorkingCalendar, due_at
from contracts.policy.conditions import Circumstances, Condition, FactValue, PolicyError, compile_condition
from contracts.policy.limits import Label, Limit, elapsed
from contracts.policy.model import Policy, load_calendar, load_policy, policy_in_force, policy_versions, read_policy
from contracts.policy.screening import Problem, Screened, intake_problems, screen

__all__ = [
    "Circumstances",
    "Condition",
    "Due",
    "FactValue",
    "Label",
    "Limit",
    "Policy",
    "PolicyError",
    "Problem",
    "Screened",
    "WorkingCalendar",
    "compile_condition",
    "due_at",
    "elapsed",
    "intake_problems",
    "load_calendar",
    "load_policy",
    "policy_in_force",
    "policy_versions",
    "read_policy",
    "screen",
]
