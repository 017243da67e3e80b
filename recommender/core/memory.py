"""Memory and speed from a model's numbers. Estimates, each with what it was held to.

Formulas and errors: 79 measured runs on a T4 in the fitcheck-llm 0.3.1 source package
(MIT), with SDPA attention; median error 0.6 % (4-bit) and 0.1 % (16-bit), worst 1.2 %.
"""

from recommender.core.catalog import ModelSpec

GIB = 2**30
T4_GIB = 14.7  # usable of a T4's 15
T4_FLOPS_4BIT = 8.5e12  # median of 20 runs at 1B and more; worst miss × 1.48
RUNTIME_GB = 0.5  # what a llama.cpp process takes beside weights and cache


def qlora_bytes(
    model: ModelSpec, *, batch: int, length: int, lora_rank: int = 16
) -> float:
    """Peak allocation of 4-bit LoRA training: nf4, checkpointing, AdamW in 32 bit."""
    shape, parameters = model.shape, model.parameters
    tokens = batch * length
    # PEFT raises embeddings and norms to 32 bit; per-layer embeddings must stay at 16.
    other_bytes = 2 if shape.has_per_layer_embeddings else 4
    logits = 16 * tokens * shape.vocab_size
    layer = 4 * tokens * (8 * shape.hidden_size + 4 * shape.intermediate_size)
    return (
        0.5625 * parameters.linear
        + other_bytes * (parameters.total - parameters.linear)
        + 16 * lora_parameters(model, lora_rank)
        + 4 * shape.num_layers * tokens * shape.hidden_size
        + max(logits, layer)
    )


def lora16_bytes(
    model: ModelSpec, *, batch: int, length: int, lora_rank: int = 16
) -> float:
    """Peak allocation of LoRA training on 16-bit weights."""
    shape, parameters = model.shape, model.parameters
    tokens = batch * length
    logits = 14 * tokens * shape.vocab_size
    layer = 2 * tokens * (8 * shape.hidden_size + 4 * shape.intermediate_size)
    return (
        2 * parameters.total
        + 16 * lora_parameters(model, lora_rank)
        + 2 * shape.num_layers * tokens * shape.hidden_size
        + max(logits, layer)
    )


def lora_parameters(model: ModelSpec, rank: int) -> float:
    """Trainable parameters grow in proportion to the rank."""
    return model.lora_params_r16 * rank / 16


def process_gib(allocated_bytes: float) -> float:
    """What the GPU must have free: this covered all 40 measured runs."""
    return 1.25 * allocated_bytes / GIB + 0.3


def training_tokens_per_second(model: ModelSpec) -> float:
    """QLoRA on a T4: FLOPs ÷ (6 × parameters). Too high below 0.5B, by 2 to 5 ×."""
    return T4_FLOPS_4BIT / (6 * model.parameters.total)


def serving_gb(model: ModelSpec, *, context: int) -> float:
    """4-bit GGUF weights, a 16-bit cache for `context` tokens, and the runtime."""
    cache = model.shape.kv_bytes_per_token * context / 1e9
    return model.deployment.gguf_q4_mb / 1e3 + cache + RUNTIME_GB


def serving_16bit_gb(model: ModelSpec, *, context: int) -> float:
    return (2 * model.parameters.total + model.shape.kv_bytes_per_token * context) / 1e9
