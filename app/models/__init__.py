"""Models: which one answers, by the settings; the only place that names their adapters."""

from app.models.choice import model_of, models_of, offers_of, prepare, small_model_of

__all__ = ["model_of", "models_of", "offers_of", "prepare", "small_model_of"]
