"""Models: which one answers, by the settings; the only place that names their adapters."""

from app.models.choice import DEFAULT_MODELS, model_of, prepare

__all__ = ["DEFAULT_MODELS", "model_of", "prepare"]
