"""What tests of the data page ask for and look at."""

import re


def text_of(response):
    return response.content.decode()


def page(client, dataset, query=""):
    return client.get(f"/app/datasets/{dataset.id}/{query}")


def rows_on(response):
    return [int(n) for n in re.findall(r'id="row-(\d+)"', text_of(response))]
