"""What the data tell about their purpose: a first answer to the two questions."""

from dataclasses import dataclass

from datasets.core.profile import Profile
from recommender.core.catalog import Target, Task

LABEL_TOKENS = 6  # answers of so few tokens on average are labels
CHAT_SHARE = 30.0  # percent of rows with several questions


@dataclass(frozen=True)
class Suggestion:
    task: Task
    task_reason: str
    target: Target
    target_reason: str


def suggest(profile: Profile) -> Suggestion:
    task, reason = _task(profile)
    return Suggestion(
        task,
        reason,
        Target.DESKTOP,
        "The data do not tell; what runs on a desktop runs on a server too.",
    )


def _task(profile: Profile) -> tuple[Task, str]:
    answers = profile.roles.get("assistant", 0) or 1
    length = profile.answer_tokens / answers
    if profile.tool_examples:
        rows = f"{profile.tool_examples:,} rows call functions"
        return Task.INSTRUCTION_FOLLOWING, f"{rows}: following instructions exactly."
    if length <= LABEL_TOKENS:
        return Task.CLASSIFICATION, f"Answers have {length:.1f} tokens on average."
    if profile.multi_turn_percentage >= CHAT_SHARE:
        share = f"{profile.multi_turn_percentage:g}% of the rows"
        return Task.CONVERSATION, f"{share} have several questions."
    return Task.INSTRUCTION_FOLLOWING, "Most rows are one question and one answer."
