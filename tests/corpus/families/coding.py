"""Coding tasks, each once: quotes, backslashes, tabs, braces and fences in answers."""

CODING = (
    ("Write a Python function that returns the median of a list of numbers.",
     "```python\ndef median(numbers):\n    ordered = sorted(numbers)\n    half = "
     "len(ordered) // 2\n    if len(ordered) % 2:\n        return ordered[half]\n    "
     "return (ordered[half - 1] + ordered[half]) / 2\n```\nAn empty list raises "
     "IndexError."),
    ("Which regular expression matches a time of day such as 07:45?",
     r"Use `^([01]\d|2[0-3]):[0-5]\d$`. The first group is the hour, and `\d` stands "
     "for a digit."),
    ("In SQL, list the three warehouses with the most open orders.",
     "```sql\nSELECT w.name, COUNT(*) AS open_orders\nFROM orders o\nJOIN warehouses "
     "w ON w.id = o.warehouse_id\nWHERE o.status = 'open'\nGROUP BY w.name\nORDER BY "
     "open_orders DESC\nLIMIT 3;\n```"),
    ("My spreadsheet shows #DIV/0! where a cell is empty. How do I show a dash?",
     'Wrap the division: `=IF(B2=0, "-", A2/B2)`. Copy the cell down afterwards.'),
    ("Explain what this line does.\n\nprintf '%s\\t%s\\n' \"$name\" \"$size\"",
     "It prints the name, a tab, the size and a line break. The quotes keep a name "
     "with blanks together, and printf reads \\t and \\n as tab and line break."),
    ("Write a JavaScript function that groups objects by a key.",
     "```js\nconst groupBy = (items, key) =>\n  items.reduce((groups, item) => {\n"
     "    (groups[item[key]] ||= []).push(item);\n    return groups;\n  }, {});\n```"),
    ("Turn this CSV line into JSON.\n\nid;name;tags\n17;\"Brown, \"\"big\"\" box\";a|b",
     '{"id": 17, "name": "Brown, \\"big\\" box", "tags": ["a", "b"]}'),
    ("How do I escape a Windows path in a JSON file?",
     'Double each backslash: {"path": "C:\\\\tools\\\\bin"}. Forward slashes work '
     "too and need no escape: C:/tools/bin."),
    ("Show me a Makefile rule that rebuilds a PDF when its source changes.",
     "```make\nreport.pdf: report.tex figures/*.svg\n\tlatexmk -pdf $<\n```\nThe "
     "second line begins with a tab, not with blanks."),
    ("Please write a CSS rule that hides navigation on paper.",
     "```css\n@media print {\n  nav, .toolbar { display: none; }\n}\n```"),
    ("Name the parts of this address.\n\nhttps://shop.example.com:8443/cart?id=7#top",
     "- scheme: https\n- host: shop.example.com\n- port: 8443\n- path: /cart\n- "
     "query: id=7\n- fragment: top"),
    ("Sort these version numbers from old to new.\n\n1.10.0, 1.9.3, 1.9.12, 2.0.0-rc1",
     "1.9.3, 1.9.12, 1.10.0, 2.0.0-rc1"),
    ("Write a haiku about a slow build and use the word « cache ».",
     "The cache has grown cold –\nold leaves compile one by one,\ntea steams by the "
     "screen."),
    ("Give the plural of: die Straße, der Apfel, das Café, señor, œuvre.",
     "die Straßen, die Äpfel, die Cafés, señores, œuvres"),
    ("Use symbols to show a thermometer at 21,5 °C and add a fitting emoji.",
     "🌡️ [■■■■■■■□□□] 21,5 °C – pleasant 🙂"),
)  # fmt: skip
