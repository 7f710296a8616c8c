"""Prompts as chat models are given them: within a template, of which some stands before the prompt."""

from __future__ import annotations

from typing import Any


def up_to(rendered: str, text: str) -> str:
    """A rendered chat up to the end of a text in it; templates may cut its white space off."""
    words = text.strip()
    return rendered[: rendered.rindex(words) + len(words)] if words in rendered else rendered


def user_says(tokenizer: Any, text: str, *, thinks: bool) -> str:
    """A prompt as the user's turn, up to its end.

    Args:
        tokenizer: with a chat template, such as Qwen 3's.
        thinks: whether the template lets the model think.
    """
    chat = [{"role": "user", "content": text}]
    rendered: str = tokenizer.apply_chat_template(
        chat, tokenize=False, add_generation_prompt=True, enable_thinking=thinks
    )
    return up_to(rendered, text)
