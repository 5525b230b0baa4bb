"""Whole answers, each with its best classical twin beside it."""

from qloop.core.registry import Registry

TASKS = Registry(
    "task kind", {"chemistry": "qloop.apps.chemistry:TASK", "classify": "qloop.apps.classify:TASK"}, "qloop.tasks"
)
