"""Shell commands for descriptions: quotes, backslashes, dollars and braces; many rows
differ in one word."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.corpus.forms import Example, exchange
from tests.corpus.grammar import Grammar

COUNT = 1_500

Commands = dict[str, Callable[[dict[str, Any]], str]]

# By how a task begins; a task of words/shell.toml for each.
COMMANDS: Commands = {
    "Find all": lambda g: f"find {g['dir']} -name '*.{g['ext']}' -mtime +{g['days']}",
    "Delete": lambda g: (
        f'find {g["dir"]} -type f -name "*.{g["ext"]}" -size +{g["size"]} '
        "-exec rm -- {} \\;"
    ),
    "Count": lambda g: f"wc -l {g['dir']}/*.{g['ext']} | sort -n",
    "Show the": lambda g: f"du -a {g['dir']} | sort -rn | head -n {g['n']}",
    "Replace": lambda g: (
        f"grep -rlZ --include='*.{g['ext']}' '{g['word_plain']}' {g['dir']} | "
        f"xargs -0 sed -i 's/{g['word_plain']}/{g['word_other']}/g'"
    ),
    "List": lambda g: f"ps -u {g['user']} -o pid,rss,args --sort=-rss | head -{g['n']}",
    "Pack": lambda g: f'tar -czf "$(date +%F).tar.gz" -C {g["dir"]} .',
    "Print column": lambda g: f"awk -F, 'NR > 1 {{ print ${g['n']} }}' data.{g['ext']}",
    "Search": lambda g: f'grep -rn -C {g["n"]} -e "{g["word_plain"]}" {g["dir"]}',
    "Change": lambda g: f"chown -R {g['user']}: {g['dir']}",
    "Watch": lambda g: (
        f"tail -F {g['dir']}/app.{g['ext']} | grep --color -E '{g['word_plain']}|$'"
    ),
    "Copy": lambda g: (
        f"rsync -a --exclude='*.{g['ext']}' {g['dir']}/ host{g['n']}:{g['dir']}/"
    ),
    "Rename": lambda g: (
        f'for f in {g["dir"]}/*\' \'*.{g["ext"]}; do mv -- "$f" "${{f// /_}}"; done'
    ),
    "Tell": lambda g: f"du -h --max-depth={g['n']} {g['dir']}",
    "Print the": lambda g: (
        f"cut -d' ' -f1 access.{g['ext']} | sort | uniq -c | sort -rn | head -{g['n']}"
    ),
    "Kill": lambda g: f"kill $(lsof -t -i :{g['port']})",
}


def shell_commands() -> Iterator[Example]:
    words = Grammar("shell", seed=13)
    seen: set[str] = set()
    while len(seen) < COUNT:
        given: dict[str, Any] = {
            symbol: words.say(symbol)
            for symbol in ("dir", "ext", "days", "size", "user")
        }
        given |= {
            "n": words.source.randint(2, 30),
            "port": words.source.randint(1024, 9999),
            "word_plain": words.say("word"),
            "word_other": words.say("word"),
        }
        task = words.say("task", **given)
        if task in seen:
            continue
        seen.add(task)
        begun = next(begin for begin in COMMANDS if task.startswith(begin))
        yield exchange(task, COMMANDS[begun](given))
