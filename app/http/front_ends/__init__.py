"""Routes that front ends of other Polaris backends call alone: thin translations.

What they share with ours stands with ours; docs/front-ends.md has every difference.
"""

from fastapi import APIRouter

from app.http.front_ends import billing, files, projects

router = APIRouter()
router.include_router(projects.router)
router.include_router(billing.router)
router.include_router(files.router)

__all__ = ["router"]
