"""catalog.toml → the catalog, checked."""

import hashlib
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datasets.core.tokenization.model_lengths import Tokenizer
from datasets.core.tokenization.vocabularies import ENCODINGS
from recommender.core.catalog.catalog import Catalog, ModelSpec
from recommender.core.catalog.chat_template import ChatTemplate, Vocabulary
from recommender.core.catalog.tables import CatalogError, read_table

SHARED = {"vocabulary": "vocabularies", "template": "templates"}  # key: section


@dataclass(frozen=True)
class CountedPair:
    """What the insights count by; see catalog.toml."""

    models: str
    vocabulary: Vocabulary
    template: ChatTemplate
    template_name: str
    is_exact: bool


def load(path: Path) -> Catalog:
    """Raises CatalogError."""
    content = path.read_bytes()
    try:
        document = tomllib.loads(content.decode())
        return _catalog(document, hashlib.sha256(content).hexdigest())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError) as error:
        raise CatalogError(f"{path.name} is no catalog: {error!r}") from error


def _catalog(document: Mapping[str, Any], sha256: str) -> Catalog:
    models = [
        read_table(ModelSpec, {"slug": slug, **_joined(document, table, slug)}, slug)
        for slug, table in document["models"].items()
    ]
    _check(models)
    for key, section in SHARED.items():
        _check_use(document, key, section)
    tokenizers = [
        _tokenizer(document, table, name, models)
        for name, table in document["tokenizers"].items()
    ]
    counted = {slug: each for each in tokenizers for slug in each.model_ids}
    return Catalog(
        tuple(replace(model, counted_by=counted.get(model.slug)) for model in models),
        tuple(tokenizers),
        sha256,
        str(document["version"]),
        str(document["transformers_limit"]),
    )


def _joined(
    document: Mapping[str, Any], table: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """`table`, with shared tables in place of their names."""
    found = dict(table)
    for key, section in SHARED.items():
        name = found.get(key)
        if name is not None and name not in document[section]:
            known = ", ".join(document[section])
            raise CatalogError(
                f"{where}.{key}: expected one of {known}, found {name!r}"
            )
        if name is not None:
            found[key] = document[section][name]
    return found


def _tokenizer(
    document: Mapping[str, Any],
    table: Mapping[str, Any],
    name: str,
    models: Iterable[ModelSpec],
) -> Tokenizer:
    where = f"tokenizers.{name}"
    pair = read_table(CountedPair, _joined(document, table, where), where)
    template, vocabulary = pair.template, pair.vocabulary
    if vocabulary.encoding is None:
        raise CatalogError(f"{where}: no package carries its vocabulary")
    counted = [
        m for m in models if (m.vocabulary, m.template) == (vocabulary, template)
    ]
    if not counted:
        raise CatalogError(f"{where}: no model has both vocabulary and template")
    counted.sort(key=lambda model: (model.specialty or "", model.parameters.total))
    return Tokenizer(
        name=name,
        models=pair.models,
        model_ids=tuple(model.slug for model in counted),
        encoding=vocabulary.encoding,
        normal_form=vocabulary.normal_form,
        template=pair.template_name,
        user=template.user,
        special=template.special,
        default_system=template.default_system or "",
        thought=template.thought,
        strips=template.strips,
        is_exact=pair.is_exact,
    )


def _check(models: Collection[ModelSpec]) -> None:
    seen: set[str] = set()
    for model in models:
        if model.hf_id.lower() in seen:
            raise CatalogError(f"{model.slug}: hf_id {model.hf_id} stands twice")
        seen.add(model.hf_id.lower())
        for key in ("lora_target_modules", "sources"):
            if not getattr(model, key):
                raise CatalogError(f"{model.slug}: {key} is empty")
        if not 0 < model.parameters.non_embedding <= model.parameters.total:
            raise CatalogError(f"{model.slug}: parameters do not add up")
        _check_reading(model)


def _check_reading(model: ModelSpec) -> None:
    encoding, template = model.vocabulary.encoding, model.template
    if encoding is not None and encoding not in ENCODINGS:
        known = ", ".join(ENCODINGS)
        raise CatalogError(
            f"{model.slug}: its vocabulary's encoding is {encoding!r}; "
            f"known are {known}"
        )
    if template.eos not in template.special:
        raise CatalogError(f"{model.slug}: its template's eos is not among its special")
    if template.eos not in template.assistant[1] + template.end:
        raise CatalogError(f"{model.slug}: its template never writes its eos")


def _check_use(document: Mapping[str, Any], key: str, section: str) -> None:
    used = {table[key] for table in document["models"].values()}
    if unused := sorted(set(document[section]) - used):
        raise CatalogError(f"{section}.{unused[0]}: no model has it")
