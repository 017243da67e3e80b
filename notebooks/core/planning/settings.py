"""The settings of a training run, each once, with its range and a line of help."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slmgen.error_text import shown, unknown
from slmgen.errors import InvalidInput

Value = int | float | bool | str


@dataclass(frozen=True)
class Option:
    name: str
    kind: type[Value]
    help: str
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()

    def check(self, value: object) -> Value:
        """`value` as this option's type. Raises InvalidInput."""
        if self.choices:
            if isinstance(value, str) and value in self.choices:
                return value
        elif self.kind is bool:
            if isinstance(value, bool):
                return value
        elif (number := self._number(value)) is not None:
            return number
        raise InvalidInput(
            f"training_config.{self.name} is {shown(value)}; expected {self.range}.",
            field=self.name,
        )

    def _number(self, value: object) -> int | float | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not self.low <= value <= self.high:  # also refuses NaN and infinity
            return None
        if self.kind is int:
            return int(value) if value == int(value) else None
        return float(value)

    @property
    def range(self) -> str:
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.kind is bool:
            return "true or false"
        if self.kind is int:
            return f"a whole number from {self.low:.0f} to {self.high:.0f}"
        return f"a number from {self.low:g} to {self.high:g}"


OPTIONS = (
    Option("preset", str, "How far the values that you do not give go: a first look, "
           "the usual, or all that the data can teach.",
           choices=("balanced", "fast", "quality")),
    Option("lora_rank", int, "Width of the trained matrices: more learns more and "
           "needs more data and memory.", 1, 256),
    Option("lora_alpha", int, "Weight of what was learned; twice the rank is usual.",
           1, 1024),
    Option("lora_dropout", float, "Share of the adapter switched off at random, "
           "against overfitting.", 0, 0.5),
    Option("learning_rate", float, "Size of a training step; too high forgets, too low "
           "learns nothing.", 1e-7, 1e-2),
    Option("num_epochs", float, "How often every conversation is seen.", 0.01, 50),
    Option("max_steps", int, "Stops after this many steps; -1 leaves it to the epochs.",
           -1, 1_000_000),
    Option("batch_size", int, "Conversations at once on the GPU; less needs less "
           "memory.", 1, 64),
    Option("gradient_accumulation_steps", int, "Batches that make one step together.",
           1, 256),
    Option("warmup_ratio", float, "Share of steps in which the learning rate rises.",
           0, 0.5),
    Option("weight_decay", float, "Pull of the weights toward zero, against "
           "overfitting.", 0, 1),
    Option("max_seq_length", int, "Tokens after which a conversation is cut.",
           64, 32_768),
    Option("scheduler", str, "How the learning rate falls.",
           choices=("linear", "cosine", "constant", "constant_with_warmup")),
    Option("optimizer", str, "The algorithm; those with 8bit need a GPU and less of "
           "its memory.",
           choices=("adamw_8bit", "paged_adamw_8bit", "adamw_torch", "adafactor")),
    Option("quantization", str, "Precision of the frozen model: 4bit needs least "
           "memory.", choices=("4bit", "16bit")),
    Option("packing", bool, "Joins short conversations in one row; needs a GPU of "
           "2020 or later."),
    Option("seed", int, "The same seed gives the same split and order.", 0, 2**31 - 1),
    Option("validation_fraction", float, "Share that is held back to measure with.",
           0, 0.5),
    Option("backend", str, "The training library: trl runs anywhere, unsloth is faster "
           "on NVIDIA GPUs.", choices=("trl", "unsloth")),
    Option("thinking", bool, "Whether a model that can think aloud first is trained to "
           "do so."),
)  # fmt: skip
BY_NAME = {option.name: option for option in OPTIONS}

# Comments above the groups of parameters in the notebook.
HELP = {option.name.upper(): option.help for option in OPTIONS} | {
    "MODEL_ID": "The model on Hugging Face, or a folder that holds one.",
    "MODEL_REVISION": "A commit of the model, to get the very same again.",
    "LOAD_IN_4BIT": "A quarter of the memory, on NVIDIA GPUs.",
    "FLOAT16_IS_SAFE": "False: this model overflows in 16-bit floats, as on a T4.",
    "TARGET_MODULES": "The layers that learn.",
    "EARLY_STOPPING_PATIENCE": "Stop after so many measurements without improvement.",
    "MAX_NEW_TOKENS": "The longest answer that is shown.",
    "SAVE_MERGED": "True: also save one stand-alone 16-bit model.",
    "GGUF": 'For llama.cpp and Ollama: "q8_0", "f16" or "bf16".',
    "PUSH_TO_HUB": 'Publish, private: "your-name/your-model". Empty: nothing is sent.',
    "PROGRESS_URL": "Where training reports its losses, with the token below; "
    "POST /jobs/{id}/training/secret gives both. Empty: nowhere.",
    "DATA_FILE": "Your conversations. Nothing below needs a change.",
}


def checked(config: Mapping[str, Any]) -> dict[str, Value]:
    """The chosen settings with their types. Raises InvalidInput for the first fault."""
    for name in config:
        if name not in BY_NAME:
            raise InvalidInput(
                f"training_config: {unknown(str(name), BY_NAME, 'setting')}"
            )
    values = {name: BY_NAME[name].check(value) for name, value in config.items()}
    if values.get("max_steps") == 0:
        raise InvalidInput(
            "training_config.max_steps is 0; expected -1 (by epochs) or 1 and more.",
            field="max_steps",
        )
    return values
