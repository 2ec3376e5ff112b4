"""Trigger.dev's API: their SDK triggers our jobs, looks at the runs, and schedules them."""

from fastapi import APIRouter

from app.http.trigger import batches, realtime, runs, schedules, tasks

router = APIRouter()
for each in (tasks, batches, runs, schedules, realtime):
    router.include_router(each.router)

__all__ = ["router"]
