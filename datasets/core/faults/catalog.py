"""All kinds of faults, one entry each, and the only place that describes them.

A new kind that is found by its text is an entry here and a rule in
`validation/text_rules.py`; docs/faults.md is generated from these entries.
"""

from dataclasses import dataclass
from enum import StrEnum

from datasets.core.conversation import ROLES


class Severity(StrEnum):
    BLOCKS = "blocks"  # the row cannot be trained on and is skipped
    COSTS = "costs"  # the row is kept and costs points


@dataclass(frozen=True, kw_only=True)
class FaultKind:
    name: str
    title: str  # heading of the group of all faults of this kind
    why: str  # why it matters
    expected: str  # default; a single fault may state more
    fix: str  # default advice for the author; a single fault may state more
    # Of the score, what a dataset loses if every example has it; None: it blocks. By
    # judgment, held by tests: a clean set keeps 0.9 or more, a half empty and half
    # duplicated one 0.4 at most.
    weight: float | None = None
    fixer: str | None = None  # the operation of `fixes` for it
    fixer_words: str = ""  # what that operation does
    is_safe: bool = False  # whether the fixer keeps everything that was meant
    examples: tuple[str, ...] = ()  # answers with this fault, for tests and benchmarks

    @property
    def severity(self) -> Severity:
        return Severity.BLOCKS if self.weight is None else Severity.COSTS


# Kinds whose rows are skipped.
LENGTH = FaultKind(
    name="length",
    title="Rows that are too long",
    why="A single example this long cannot be read safely.",
    expected="at most that much for one example",
    fix="split it",
)
TABLE = FaultKind(
    name="table",
    title="Rows of the table that do not fit its first line",
    why="The row has more or fewer cells than the first line, so columns shift.",
    expected='quoted cells with inner quotes doubled, as in "say ""hi"""',
    fix="export the table again",
)
JSON = FaultKind(
    name="json",
    title="Rows that are not valid JSON",
    why="A comma, a quote or a bracket is missing, so nothing in it can be read.",
    expected='one object a line such as {"messages": [...]}',
    fix="export it again with a JSON library",
)
NUL = FaultKind(
    name="nul",
    title="Rows with a NUL character",
    why="Some databases and tools refuse this character.",
    expected="text that a database can keep",
    fix="remove it",
)
SURROGATE = FaultKind(
    name="surrogate",
    title="Rows with half a character (an unpaired surrogate)",
    why="Half of an emoji or sign was cut off; no file can hold it as UTF-8.",
    expected="whole characters",
    fix="write the whole character",
)
DEPTH = FaultKind(
    name="depth",
    title="Rows that are nested too deeply",
    why="More levels than any chat needs; readers break on it.",
    expected="a plain object",
    fix="flatten it",
)
NUMBER = FaultKind(
    name="number",
    title="Rows with a number that is too large",
    why="It cannot be kept exactly.",
    expected="a number of 64 bits",
    fix="write it as a string",
)
OBJECT = FaultKind(
    name="object",
    title="Rows that are no object",
    why="Each line must be one object in braces.",
    expected="an object",
    fix='write one such as {"messages": [...]}',
)
MESSAGES = FaultKind(
    name="messages",
    title="Rows without a list of messages",
    why="Without the list nobody knows who said what.",
    expected="a list of at least one user and one assistant message",
    fix="write one object with 'role' and 'content' for each",
)
MESSAGE = FaultKind(
    name="message",
    title="Messages that are no object",
    why="Each message must say who speaks and what is said.",
    expected="an object with 'role' and 'content'",
    fix="write one",
)
ROLE = FaultKind(
    name="role",
    title="Messages with an unknown role",
    why="The training does not know whose words these are.",
    expected=f"one of {', '.join(ROLES)}",
    fix="name who speaks by one of these",
    fixer="map_roles",
    fixer_words="name what each role stands for",
)
ROLE_CASE = FaultKind(
    name="role_case",
    title="Messages whose role is written in another case",
    why="Templates know user, not User.",
    expected=f"one of {', '.join(ROLES)}",
    fix="write it in lower case",
    fixer="lower_roles",
    fixer_words="written in lower case",
    is_safe=True,
)
CONTENT = FaultKind(
    name="content",
    title="Messages whose content is no text",
    why="Only text can be trained on here.",
    expected="text",
    fix="write the text itself",
)
MEDIA = FaultKind(
    name="media",
    title="Messages with an image, audio or a file",
    why="Images, audio and files are not read here.",
    expected="parts of the type 'text': images, audio and files are not read",
    fix="describe it in words or remove the example",
)
NULL_CONTENT = FaultKind(
    name="null_content",
    title="Messages without content and without tool calls",
    why="There is nothing to read and nothing to learn.",
    expected="text, or tool_calls beside it",
    fix="write the text or remove the message",
)
WHITE_SPACE = FaultKind(
    name="white_space",
    title="Messages with endless white space",
    why="Tokenizers fail on such runs.",
    expected="fewer",
    fix="shorten the run",
)
NO_USER = FaultKind(
    name="no_user",
    title="Conversations without a question",
    why="An answer to nothing teaches nothing useful.",
    expected="at least one question for the model to answer",
    fix="add it",
)
NO_ASSISTANT = FaultKind(
    name="no_assistant",
    title="Conversations without an answer",
    why="There is no answer to learn from.",
    expected="at least one answer to learn from",
    fix="add it",
)

# Kinds whose rows are kept, although something in them does not teach what it should.
EMPTY_ANSWER = FaultKind(
    name="empty_answer",
    title="Empty answers",
    why="A model that learns empty answers gives empty answers.",
    expected="text or tool calls",
    fix="write the text or remove the message",
    weight=0.7,
)
BLANK_MESSAGE = FaultKind(
    name="blank_message",
    title="Empty messages",
    why="The turn says nothing and takes the place of one that would.",
    expected="text",
    fix="write the text or remove the message",
    weight=0.7,
)
SYSTEM_NOT_FIRST = FaultKind(
    name="system_not_first",
    title="System messages that are not the first",
    why="Most templates take a system prompt at the start alone.",
    expected="system messages at the start",
    fix="move it to the start or fold it into the next question",
    weight=0.2,
    fixer="systems_first",
    fixer_words="moved to the start",
    is_safe=True,
)
SAME_ROLE_TWICE = FaultKind(
    name="same_role_twice",
    title="Two messages of one role in a row",
    why="Many templates insist on turns; some refuse the row.",
    expected="user and assistant in turn",
    fix="join the two messages or remove one",
    weight=0.2,
    fixer="join_messages",
    fixer_words="joined into one",
    is_safe=True,
)
ASSISTANT_FIRST = FaultKind(
    name="assistant_first",
    title="Conversations that the assistant begins",
    why="Many templates refuse a conversation without a first question.",
    expected="the user's message first",
    fix="remove the greeting or put a question before it",
    weight=0.2,
    fixer="question_first",
    fixer_words="what stands before the first question is cut off",
)
LAST_NOT_ASSISTANT = FaultKind(
    name="last_not_assistant",
    title="Conversations that do not end with an answer",
    why="What follows the last answer is read but never learned.",
    expected="an answer as the last message",
    fix="answer it or remove it",
    weight=0.3,
    fixer="answer_last",
    fixer_words="what stands after the last answer is cut off",
)
TOOL_RESULT_WITHOUT_CALL = FaultKind(
    name="tool_result_without_call",
    title="Tool results without a call before them",
    why="A result without a call teaches to make results up.",
    expected="an assistant message with tool_calls before it",
    fix="add the call or remove the result",
    weight=0.3,
)
TOOL_CALL_ID = FaultKind(
    name="tool_call_id",
    title="Tool results whose call id fits no call",
    why="The result cannot be matched with what asked for it.",
    expected="the id of a call that waits for its result",
    fix="write that id",
    weight=0.3,
)
TOOL_CALL = FaultKind(
    name="tool_call",
    title="Tool calls without a function name",
    why="Without a name nothing can be called.",
    expected='{"function": {"name": ..., "arguments": ...}}',
    fix="name the function",
    weight=0.3,
)
ARGUMENTS = FaultKind(
    name="arguments",
    title="Tool calls whose arguments are not JSON",
    why="A model that learns broken JSON writes broken JSON.",
    expected="a JSON object as text",
    fix="write the arguments with a JSON library",
    weight=0.3,
)
WEIGHT = FaultKind(
    name="weight",
    title="Weights other than 0 and 1",
    why="Only 0, not learned, and 1, learned, have a meaning.",
    expected="0 (not trained) or 1 (trained)",
    fix="write 0 or 1, or remove it",
    weight=0.2,
    fixer="usual_weights",
    fixer_words="weights other than 0 and 1 are removed",
    is_safe=True,
)
CONTROL_TOKEN = FaultKind(
    name="control_token",
    title="Control tokens of chat templates inside the text",
    why="The model takes such text for the end of a turn.",
    expected="text without the marks that templates add themselves",
    fix="remove the mark",
    weight=0.3,
    fixer="remove_control_tokens",
    fixer_words="removed from the text",
)
MOJIBAKE = FaultKind(
    name="mojibake",
    title="Text decoded with the wrong encoding",
    why="Letters such as é became two wrong ones.",
    expected="text that was decoded as it was encoded",
    fix="export it again as UTF-8",
    weight=0.5,
    fixer="decode_again",
    fixer_words="decoded again, where nothing was lost",
    is_safe=True,
)
PLACEHOLDER = FaultKind(
    name="placeholder",
    title="Placeholders instead of content",
    why="Somebody meant to fill this in.",
    expected="the words themselves",
    fix="fill in the placeholder",
    weight=0.5,
    examples=(
        "N/A",
        "TODO",
        "...",
        "[insert answer here]",
        "<answer>",
        "Hello {{name}}, nice to meet you.",
    ),
)
BOILERPLATE = FaultKind(
    name="boilerplate",
    title="Answers that talk about being an AI",
    why="The model learns to talk about itself instead of answering.",
    expected="an answer about the matter",
    fix="rewrite the answer, unless the model shall talk so",
    weight=0.2,
    examples=(
        "As an AI language model, I see: it is blue.",
        "As an AI, I think it is blue.",
    ),
)
REFUSAL = FaultKind(
    name="refusal",
    title="Answers that refuse",
    why="The model learns to refuse; keep them if that is what you want.",
    expected="an answer",
    fix="remove the example, unless the model shall refuse this",
    weight=0.3,
    examples=(
        "I'm sorry, but I can't help with that.",
        "I cannot assist with this request.",
        "I apologize, but I am unable to provide that.",
        "Unfortunately, I can’t answer this question.",
        "I won't write that.",
    ),
)
TRUNCATED = FaultKind(
    name="truncated",
    title="Answers that look cut off",
    why="The model learns to stop in the middle.",
    expected="an answer that is finished",
    fix="finish it, or remove the example",
    weight=0.4,
)

KINDS = {
    kind.name: kind for kind in list(vars().values()) if isinstance(kind, FaultKind)
}
