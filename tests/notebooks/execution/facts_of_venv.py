"""What a backend's environment knows: python facts_of_venv.py BACKEND PACKAGE...

Prints JSON: `unmet`, the requirements of the packages that are not met; `signatures`,
the keywords of what the notebook calls; `modules`, what can be imported.
"""

import importlib
import importlib.metadata as metadata
import inspect
import json
import sys
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CALLABLES = {
    "trl": (
        "datasets.Dataset.from_list", "peft.LoraConfig", "peft.get_peft_model",
        "peft.PeftModel.from_pretrained", "peft.prepare_model_for_kbit_training",
        "transformers.BitsAndBytesConfig", "transformers.EarlyStoppingCallback",
        "transformers.set_seed", "trl.SFTConfig", "trl.SFTTrainer",
    ),
    "unsloth": (
        "unsloth.FastLanguageModel.from_pretrained",
        "unsloth.FastLanguageModel.get_peft_model",
        "unsloth.FastLanguageModel.for_training",
        "unsloth.FastLanguageModel.for_inference",
        "datasets.Dataset.from_list", "transformers.EarlyStoppingCallback",
        "transformers.set_seed", "trl.SFTConfig", "trl.SFTTrainer",
    ),
}  # fmt: skip


def needed_by(name: str) -> Iterator[Requirement]:
    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
            yield requirement


def version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def unmet(names: list[str]) -> Iterator[str]:
    for name in names:
        for wanted in needed_by(name):
            version = version_of(wanted.name)
            if version is None:
                yield f"{canonicalize_name(wanted.name)} is missing"
            elif not wanted.specifier.contains(version, prereleases=True):
                yield f"{name} wants {wanted}, found {version}"


def modules_of(names: list[str]) -> Iterator[str]:
    """What can be imported when these packages and all they need are installed."""
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found and version_of(name):
            found.add(name)
            waiting += [requirement.name for requirement in needed_by(name)]
    for module, owners in metadata.packages_distributions().items():
        if module.isidentifier() and found & set(map(canonicalize_name, owners)):
            yield module


def keywords(path: str) -> list[str] | None:
    """The names that a callable takes; None where it takes any."""
    module, *rest = path.split(".")
    found = importlib.import_module(module)
    for name in rest:
        found = getattr(found, name)
    parameters = inspect.signature(found).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return sorted(p.name for p in parameters if p.name != "self")


def main() -> None:
    backend, *names = sys.argv[1:]
    signatures = {
        ".".join(path.split(".")[1:]): keywords(path) for path in CALLABLES[backend]
    }
    facts = {
        "unmet": sorted(set(unmet(names))),
        "signatures": {k: v for k, v in signatures.items() if v is not None},
        "modules": sorted(modules_of(names)),
    }
    print(json.dumps(facts))  # noqa: T201  # read by the test


if __name__ == "__main__":
    main()
