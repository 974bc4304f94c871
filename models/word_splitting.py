"""Text → words: the two rules, as patterns that Python's `re` and TensorFlow's RE2 read alike.

`split_words` and `split_chunk` are the rules in Python; `rnnzoo.models.vocabulary_graph` runs the same patterns, in the
same order, inside a SavedModel. What makes the two agree on any text:

- every character class is spelled out, so that no answer depends on whose Unicode tables are newer;
- no lookaround, which RE2 does not have: what a pattern must see, it matches and writes back;
- whatever is neither a separator nor a mark belongs to a word: letters of every script, digits, `_`, combining marks.
"""

import re

__all__ = [
    "APOSTROPHE",
    "INNER_MARK",
    "SEPARATOR",
    "SUFFIX",
    "WORD",
    "refuse_surrogates",
    "split_chunk",
    "split_chunks",
    "split_words",
]

# Unicode's White_Space, and the control characters, which nobody means to be part of a word.
_SEPARATORS = r"\x00-\x20\x7f-\xa0" + "\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

_MARKS = (
    r"!-,\-./:-@\[-\^`{-~"  # ASCII punctuation without `_`
    "¡-©«¬®-±´¶-¸»¿×÷"
    "\u060c\u061b\u061f\u06d4\u0964\u0965"  # Arabic and Devanagari
    "\u2010-\u2027\u2030-\u205e\u20a0-\u20cf"  # dashes, quotation marks, currencies
    "\u2190-\u2bff\u2e00-\u2e7f"  # arrows, mathematics, symbols
    "\u3001-\u3003\u3008-\u3011\u3014-\u301f\u3030"
    "\uff01-\uff0f\uff1a-\uff20\uff3b-\uff3e\uff40\uff5b-\uff65"  # fullwidth forms
    "\U0001f000-\U0001faff"  # emoji
)
_LETTER = f"[^{_SEPARATORS}{_MARKS}]"
_COMPOUND = f"{_LETTER}+(?:[.-]{_LETTER}+)*"  # str.join, real-time, 3.14

# Each is (pattern, rewrite), to be applied everywhere in a text; both engines write an unmatched group as nothing.
SEPARATOR = (f"[{_SEPARATORS}]+", " ")

# A word, the suffix that its first apostrophe starts (don 't, rock 'n'roll), or one mark; `...` is one mark.
WORD = (
    rf"(<unk>|<eos>|@[.,-]@|{_COMPOUND})((?:['’]{_COMPOUND})*)|(\.\.+|[{_MARKS}])",
    r" \1 \2 \3 ",
)

# What phones type for an apostrophe. After WORD, only a suffix starts with one and goes on.
APOSTROPHE = (f" ’({_LETTER})", r" '\1")

# The way back: a suffix is joined to the word in front of it.
SUFFIX = (" ('[^ ])", r"\1")

# WikiText writes 1,000 as `1 @,@ 000`, 3.14 as `3 @.@ 14` and real-time as `real @-@ time`.
INNER_MARK = (f"([0-9])([.,])([0-9])|({_LETTER})(-)({_LETTER})", r"\1\4 @\2\5@ \3\6")

_COMPILED = {pattern: re.compile(pattern) for pattern, _ in (SEPARATOR, WORD, APOSTROPHE, INNER_MARK)}


def _replace(text: str, rule: tuple[str, str]) -> str:
    pattern, rewrite = rule
    return _COMPILED[pattern].sub(rewrite, text)


def refuse_surrogates(text: str) -> None:
    """Raise a ValueError if `text` holds half of a surrogate pair, which is no character and has no UTF-8 form."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"text must be Unicode without lone surrogates, but character {error.start} is {text[error.start]!r}."
        ) from None


def split_chunks(text: str) -> list[str]:
    """Split at whitespace and control characters, and nowhere else.

    >>> split_chunks("3 @.@ 14 kg\\u00a0( 7 lb )")
    ['3', '@.@', '14', 'kg', '(', '7', 'lb', ')']
    """
    return _replace(text, SEPARATOR).split()


def split_words(text: str) -> list[str]:
    """Split by the rule "words": marks stand alone, `.` and `-` inside a word stay, a suffix keeps its apostrophe.

    >>> split_words("Don't call str.join(3.14), snake_case or e.g. well-known...")
    ['Don', "'t", 'call', 'str.join', '(', '3.14', ')', ',', 'snake_case', 'or', 'e.g', '.', 'well-known', '...']
    """
    return _replace(_replace(_replace(text, SEPARATOR), WORD), APOSTROPHE).split()


def split_chunk(chunk: str) -> list[str]:
    """Split one chunk that WikiText's vocabulary does not hold, into the words that WikiText would have made of it.

    >>> split_chunk("(real-time,"), split_chunk("1,000.5"), split_chunk("game's")
    (['(', 'real', '@-@', 'time', ','], ['1', '@,@', '000', '@.@', '5'], ['game', "'s"])
    """
    # Twice: a match takes the character that the next match would have to start with, as in 1,2,3.
    return split_words(_replace(_replace(chunk, INNER_MARK), INNER_MARK))
