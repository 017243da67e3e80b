"""A newcomer's way against a running server: seconds from the file to the notebook, and
each page's time and weight.

    make run
    .venv/bin/python benchmarks/pages.py http://localhost:8000 chat.jsonl
"""

import re
import sys
import time
from pathlib import Path
from statistics import median

import httpx

VISITS = 15  # of each page; the median counts


def main(server: str, file: Path) -> None:
    with httpx.Client(base_url=server, follow_redirects=True, timeout=60) as client:
        start = time.perf_counter()
        token = _token(client.get("/app/").text)
        sent = {"csrfmiddlewaretoken": token}
        with file.open("rb") as content:
            data = str(client.post("/app/", data=sent, files={"file": content}).url)
        client.get(f"{data}model/")
        sent["csrfmiddlewaretoken"] = _token(client.get(f"{data}training/").text)
        page = client.post(f"{data}training/", data=sent)
        (address,) = re.findall(r'href="(/download/[^"]+)"', page.text)
        notebook = client.get(address)
        seconds = time.perf_counter() - start
        print(f"{seconds:.1f} s from upload to {len(notebook.content):,} bytes\n")
        print("| page | median ms | KB |\n|---|---|---|")
        pages = {"start": "/app/", "data": data, "issues": f"{data}problems/",
                 "row": f"{data}rows/7/", "repair": f"{data}repair/?do=mask_private",
                 "versions": f"{data}versions/", "document": "/app/docs/issues/",
                 "model": f"{data}model/", "training": f"{data}training/",
                 "notebook": str(page.url)}  # fmt: skip
        for name, path in pages.items():
            print(f"| {name} | {_row(client, path)} |")


def _token(text: str) -> str:
    return re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)[0]


def _row(client: httpx.Client, path: str) -> str:
    times, size = [], 0
    for _ in range(VISITS):
        start = time.perf_counter()
        size = len(client.get(path).content)
        times.append(1000 * (time.perf_counter() - start))
    return f"{median(times):.0f} | {size / 1000:.0f}"


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
