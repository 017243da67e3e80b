"""Every figure of a chart can be read in a table."""

import re

import pytest
from django.template import Context, Template

from datasets.core.presentation.profile import ProfileBar

BARS = [
    ProfileBar("8–15", 8, "1,200", 100),
    ProfileBar("16–31", 16, "300", 25, "?issue=x#rows"),
]
ROW = re.compile(r'<th scope="row">(.+?)</th>\s*<td[^>]*>([^<]+)')


@pytest.mark.parametrize(
    "tag", ['bars bars "lost"', 'histogram bars "n" "title" "unit"']
)
def test_a_chart_of_bars_has_its_figures_in_a_table(tag):
    template = Template("{% load charts %}{% " + tag + " %}")

    drawn = template.render(Context({"bars": BARS}))

    assert drawn.count("<rect") == 2
    assert ROW.findall(drawn) == [("8–15", "1,200"), ("16–31", "300")]
    assert drawn.count("<table") == drawn.count("</table>") == 1
