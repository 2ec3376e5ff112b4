"""Models: which one answers, by the settings; the only place that names their adapters."""

from app.models.choice import model_of, models_of, offers_of, prepare, small_model_of
from app.models.rehearsed import rehearsed_model

__all__ = ["model_of", "models_of", "offers_of", "prepare", "rehearsed_model", "small_model_of"]
