"""Estimates memory and speed from a model's parameters, each checked by measurements.

Formulas and errors: measured runs on a T4 in the fitcheck-llm 0.3.1 source package
(MIT), with SDPA attention; `benchmarks/recommender/evaluate.py` prints the fit.
"""

from recommender.core.catalog.catalog import ModelSpec, Parameters, Shape

GIB = 2**30
T4_FLOPS_4BIT = 8.5e12  # median of 20 runs at 1B and more; worst miss × 1.48
T4_FLOPS_16BIT = 12e12  # median of 9 runs at 1B and more; worst miss × 1.31
# Small models spend their time launching each layer's kernels, not on arithmetic.
SMALL_PARAMETERS = 1e9
T4_FLOPS_SMALL = 10e12
LAUNCH_SECONDS_PER_LAYER = 0.0195  # per micro-batch
RUNTIME_GB = 0.5  # of a llama.cpp process, besides weights and cache
UNSLOTH_SHORT_ROW = 256  # tokens; for the low end of the range
# Per trained parameter: weight, gradient and two AdamW states in 32 bit
LORA_BYTES = 16


def qlora_bytes(
    model: ModelSpec, *, batch: int, length: int, lora_rank: int = 16
) -> float:
    """Peak allocation of 4-bit LoRA training: nf4, checkpointing, AdamW in 32 bit."""
    trainable = lora_parameters(model, lora_rank)
    return peak_4bit(model.parameters, model.shape, trainable, batch * length)


def lora16_bytes(
    model: ModelSpec, *, batch: int, length: int, lora_rank: int = 16
) -> float:
    """Peak allocation of LoRA training on 16-bit weights."""
    trainable = lora_parameters(model, lora_rank)
    return peak_16bit(model.parameters, model.shape, trainable, batch * length)


def peak_4bit(
    parameters: Parameters, shape: Shape, trainable: float, tokens: int
) -> float:
    # PEFT casts embeddings and norms to 32 bit; per-layer embeddings must stay at 16.
    other_bytes = 2 if shape.has_per_layer_embeddings else 4
    logits = 16 * tokens * shape.vocab_size
    layer = 4 * tokens * (8 * shape.hidden_size + 4 * shape.intermediate_size)
    return (
        0.5625 * parameters.linear
        + other_bytes * (parameters.total - parameters.linear)
        + LORA_BYTES * trainable
        + 4 * shape.num_layers * tokens * shape.hidden_size
        + max(logits, layer)
    )


def peak_16bit(
    parameters: Parameters, shape: Shape, trainable: float, tokens: int
) -> float:
    logits = 14 * tokens * shape.vocab_size
    layer = 2 * tokens * (8 * shape.hidden_size + 4 * shape.intermediate_size)
    return (
        2 * parameters.total
        + LORA_BYTES * trainable
        + 2 * shape.num_layers * tokens * shape.hidden_size
        + max(logits, layer)
    )


def unsloth_range_bytes(
    model: ModelSpec, *, batch: int, length: int, in_4bit: bool, lora_rank: int = 16
) -> tuple[float, float]:
    """From short rows with a chunked loss to full rows with a whole one.

    22 of 23 published notebook runs lie inside; the range is 2 to 9 times wide.
    """
    parameters, shape = model.parameters, model.shape
    linear_bytes = 0.516 if in_4bit else 2
    weights = linear_bytes * parameters.linear + 2 * (
        parameters.total - parameters.linear
    )
    fixed = weights + LORA_BYTES * lora_parameters(model, lora_rank)
    row = 2 * (12 * shape.hidden_size + 4 * shape.intermediate_size)
    short = batch * min(length, UNSLOTH_SHORT_ROW)
    full = batch * length
    return fixed + row * short, 1.15 * (fixed + (row + 12 * shape.vocab_size) * full)


def lora_parameters(model: ModelSpec, rank: int) -> float:
    """Trainable parameters, in proportion to the rank."""
    return model.lora_params_r16 * rank / 16


def process_gib(allocated_bytes: float) -> float:
    """GPU memory that must be free; enough for all 40 measured runs."""
    return 1.25 * allocated_bytes / GIB + 0.3


def least_process_gib(allocated_bytes: float) -> float:
    """Less than any measured process took; the lowest took 1.07 times the
    allocation."""
    return 1.05 * allocated_bytes / GIB


def t4_tokens_per_second(
    parameters: int, num_layers: int, *, in_4bit: bool, tokens_at_once: int
) -> float:
    """Training speed of plain Hugging Face on a T4, for consecutive micro-batches."""
    if parameters >= SMALL_PARAMETERS:
        flops = T4_FLOPS_4BIT if in_4bit else T4_FLOPS_16BIT
        return flops / (6 * parameters)
    arithmetic = 6 * parameters * tokens_at_once / T4_FLOPS_SMALL
    launches = LAUNCH_SECONDS_PER_LAYER * num_layers
    return tokens_at_once / (arithmetic + launches)


def serving_gb(model: ModelSpec, *, context: int) -> float:
    """4-bit GGUF weights, a 16-bit cache for `context` tokens, and the runtime."""
    cache = model.shape.kv_bytes_per_token * context / 1e9
    return model.deployment.gguf_q4_mb / 1e3 + cache + RUNTIME_GB


def gguf_q4_bytes(parameters: Parameters) -> float:
    """Estimated size of a Q4_K_M file, for models without a published one."""
    return 0.60 * parameters.linear + 0.82 * (parameters.total - parameters.linear)


def serving_16bit_gb(model: ModelSpec, *, context: int) -> float:
    return (2 * model.parameters.total + model.shape.kv_bytes_per_token * context) / 1e9
