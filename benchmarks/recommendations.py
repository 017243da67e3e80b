"""The three best models for each dataset of a folder, as a running server says it.

    python benchmarks/recommendations.py http://localhost:8000 [FOLDER]

Prints a Markdown table: suggested task, and for two targets the three best with the
reasons of the first. `folders.py` says which FOLDER it is where none is named.
"""

import json
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.folders import small_datasets

TARGETS = ("cloud", "mobile")
BOUNDARY = "slmgen-benchmark"


def call(server, path, body=None, content_type="application/json"):
    request = urllib.request.Request(f"{server}{path}", body)
    request.add_header("Content-Type", content_type)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def upload(server, path):
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; '
        f'filename="{path.name}"\r\n\r\n'
    )
    body = head.encode() + path.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return call(server, "/upload", body, kind)["session_id"]


def recommend(server, session, task, target):
    need = {"session_id": session, "task_type": task, "deployment_target": target}
    found = call(server, "/recommend", json.dumps(need).encode())
    return found["recommendations"][:3]


def print_dataset(server, path):
    session = upload(server, path)
    suggested = call(server, f"/datasets/{session}/suggest")
    task = suggested["task_type"]
    print(f"\n### {path.name}\n\nTask: {task} ({suggested['task_reason']}).\n")
    print("| target | first | second | third |\n|---|---|---|---|")
    reasons = []
    for target in TARGETS:
        best = recommend(server, session, task, target)
        cells = [f"{row['model_name']} {row['score']:.2f}" for row in best]
        print(f"| {target} | {' | '.join(cells)} |")
        reasons.append((target, best[0]))
    for target, first in reasons:
        print(f"\n{first['model_name']} for {target}:\n")
        for reason in first["reasons"]:
            print(f"- {reason}")


if __name__ == "__main__":
    server, *named = sys.argv[1:]
    folder = small_datasets(Path(named[0]) if named else None)
    for path in sorted(folder.glob("*.chat.jsonl")):
        print_dataset(server, path)
