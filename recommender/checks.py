from typing import Any

from django.core.checks import CheckMessage, Error, register

from recommender.core.catalog.tables import CatalogError
from recommender.services import catalog


@register()
def catalog_is_sound(**kwargs: Any) -> list[CheckMessage]:
    try:
        catalog()
    except CatalogError as error:
        hint = "Correct recommender/catalog.toml."
        return [Error(f"The catalog is wrong: {error}.", hint, id="recommender.E001")]
    return []
