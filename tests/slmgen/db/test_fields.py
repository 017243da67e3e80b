import pytest

from datasets.models import Dataset
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("columns", [{"user": "q", "a": [1, {"zz": None, "b": 2}]}, {}])
def test_keys_stay_in_the_order_in_which_they_were_written(columns):
    dataset = make_dataset()
    Dataset.objects.filter(pk=dataset.pk).update(columns=columns)

    dataset.refresh_from_db()

    assert repr(dataset.columns) == repr(columns)
