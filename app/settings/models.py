"""Settings of models: which ones, their keys, and how long they may take."""

from pathlib import Path

from pydantic import Field, SecretStr

from app.settings.group import HTTP_URL, Group, Names


class ModelSettings(Group):
    """Which models answer; a provider whose key is set can be asked."""

    models: Names = Field(
        default=(),
        validation_alias="POLARIS_MODELS",
        description="PROVIDER:MODEL by preference, comma-separated; not set: by the keys set.",
    )
    anthropic_api_key: SecretStr | None = Field(
        default=None, validation_alias="ANTHROPIC_API_KEY", description="Key of Anthropic."
    )
    anthropic_base_url: str | None = Field(
        default=None,
        pattern=HTTP_URL,
        validation_alias="ANTHROPIC_BASE_URL",
        description="Another address that speaks Anthropic's Messages.",
    )
    openai_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="OPENAI_API_KEY",
        description="Key of OpenAI or a compatible service.",
    )
    openai_base_url: str | None = Field(
        default=None,
        pattern=HTTP_URL,
        validation_alias="OPENAI_BASE_URL",
        description="Another address that speaks Chat Completions (OpenRouter, Ollama).",
    )
    cerebras_api_key: SecretStr | None = Field(
        default=None, validation_alias="CEREBRAS_API_KEY", description="Key of Cerebras."
    )
    openrouter_api_key: SecretStr | None = Field(
        default=None, validation_alias="OPENROUTER_API_KEY", description="Key of OpenRouter."
    )
    model_patience_s: float = Field(
        default=100.0,
        gt=0,
        le=3600,
        validation_alias="POLARIS_MODEL_PATIENCE_S",
        description="Seconds for which a model that does not answer is asked again.",
    )
    model_idle_s: float = Field(
        default=90.0,
        gt=0,
        le=3600,
        validation_alias="POLARIS_MODEL_IDLE_S",
        description="Seconds of silence after which a model's answer counts as broken off.",
    )
    model_first_byte_s: float = Field(
        default=5.0,
        gt=0,
        le=3600,
        validation_alias="POLARIS_MODEL_FIRST_BYTE_S",
        description="Seconds after which a silent model of POLARIS_MODELS gives way to the next.",
    )
    model_table: Path | None = Field(
        default=None,
        validation_alias="POLARIS_MODEL_TABLE",
        description="JSON file with facts of models over those of llm/models.json.",
    )
    reasoning_effort: Names = Field(
        default=(),
        validation_alias="POLARIS_REASONING_EFFORT",
        description="PROVIDER:MODEL=EFFORT, comma-separated: how much each of them is to think.",
    )
