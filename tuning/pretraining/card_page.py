"""A preset's page, from what was measured of it."""

from collections.abc import Mapping
from typing import Any

from rnnzoo.models.architectures import ARCHITECTURES, NetworkConfig
from rnnzoo.tuning.pages.markdown_tables import markdown_table

__all__ = ["card_page"]

# How often the word came that stands in the middle of WikiText-2's vocabulary.
_RARE = 8

_LIMITS = (
    "It has read two million words of English Wikipedia from before 2016, and nothing else: no conversation, no code, "
    f"no other language. What is rare there it hardly knows: half of its 33,278 words came {_RARE} times at most.",
    "WikiText-2 keeps capital letters, writes a space around marks and `@-@` for a hyphen within a word. Other "
    "spellings count as unknown; unknown words (`<unk>`) are read, and never suggested.",
    "It predicts what is likely, not what is true, and repeats what Wikipedia's authors leave out or slant. Nothing "
    "was filtered or aligned.",
)


def card_page(name: str, card: Mapping[str, Any], searched: Mapping[str, Any] | None = None) -> str:
    """The page in Markdown.

    Args:
        name: of the preset.
        card: what `measure_card` returned.
        searched: what `RateSearch.facts` returned; None (default) if nothing was searched.
    """
    config = NetworkConfig.from_dict(card["network"])
    network = ARCHITECTURES[config.network]
    size = f"{config.layers} layer{'s' if config.layers > 1 else ''} of {config.units} units"
    test, before = card["test"], card["before_packing"]["test"]
    loss = 100 * (test["perplexity"] / before["perplexity"] - 1)
    sections = [
        f"# {name}",
        f"`{config.network}`, {size}: {network.cures} ({network.source}). A language model of "
        f"{card['parameters']:,} parameters, {card['megabytes']:g} MB, for the next word of English text.",
        f"```python\nfrom rnnzoo.models import LanguageModel\n\n"
        f'model = LanguageModel.from_preset("{name}")\n'
        f'model.predict_next("{card["asked"][0]["text"]}")\n```',
        "## How good it is",
        markdown_table(
            ("WikiText-2, static, over all 33,278 words", "perplexity", "first word right", "among the first five"),
            [
                ("test, as shipped", *_figures(test)),
                ("test, before packing", *_figures(before)),
                ("validation, before packing", *_figures(card["before_packing"]["validation"])),
            ],
        ),
        f"Packing (word vectors in 8 bits, the rest in 16) changes the perplexity by {loss:+.2f} %.",
        _update_share(card),
        "## How it was trained",
        "```sh\n" + "\n".join(card["commands"]) + "\n```",
        f"{len(card['epochs'])} epochs, {card['minutes']:g} minutes beside other work on the machine, "
        f"{card['words_per_second']:,} words a second in the fastest epoch. The same commands of the same version "
        "give the same weights on the same machine.",
        "" if searched is None else _searched(searched),
        "## How it learnt, and how far back",
        "![Perplexity by epoch; the gradient of a single loss against the lag](curves.png)",
        _diagnosis(card["diagnosis"]),
        "## What it says",
        markdown_table(
            ("after", "it suggests"),
            [
                (
                    f"{asked['text']} …",
                    ", ".join(
                        f"{word} ({probability:.0%})"
                        for word, probability in zip(asked["words"], asked["probabilities"], strict=True)
                    ),
                )
                for asked in card["asked"]
            ],
        ),
        "On the first 1,500 words of the test split: its surest guesses that came true, and its surest that did not.",
        markdown_table(
            ("before", "its guess", "came"),
            [
                (
                    f"`… {one['before']}`",
                    f"{one['word']} ({one['probability']:.0%})",
                    one["came"] if one["came"] != one["word"] else "the same",
                )
                for one in card["surprises"]
            ],
        ),
        "## Limits",
        "\n".join(f"- {limit}" for limit in _LIMITS),
        "## Data and licence",
        "Trained on WikiText-2 (Merity et al. 2016, from Wikipedia), CC BY-SA 3.0. The weights are offered under the "
        "same licence, the code under Apache-2.0.",
        f"Measured on {card['machine']['processor']}, {card['machine']['cores']} cores, TensorFlow "
        f"{card['machine']['tensorflow']}, Keras {card['machine']['keras']}, by `rnnzoo pretrain {name}`; all numbers "
        "are in `card.json`.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _figures(evaluation: Mapping[str, float]) -> tuple[str, str, str]:
    return f"{evaluation['perplexity']:.1f}", f"{evaluation['top1']:.1%}", f"{evaluation['top5']:.1%}"


def _update_share(card: Mapping[str, Any]) -> str:
    share = card["update_share"]
    if share is None:
        return ""
    if share > 0.995:
        return "It takes in every word: where no update costs anything (`--budget`), nothing makes it skip."
    return f"It took in {share:.0%} of the words of the test split and skipped the others."


def _searched(searched: Mapping[str, Any]) -> str:
    """What each rate and clip came to, the recipe's in bold."""
    rate, trials = searched["rate"], searched["trials"]
    cells = {(trial[rate], trial["global_clipnorm"]): trial for trial in trials}
    rates, clips = (sorted({pair[axis] for pair in cells}) for axis in (0, 1))

    def shown(pair: tuple[float, float]) -> str:
        reached = _reached(cells[pair])
        return f"**{reached}**" if pair == tuple(searched["recipe"]) else reached

    rows = [(f"{one:g}", *(shown((one, clip)) for clip in clips)) for one in rates]
    table = markdown_table((f"`{rate}`", *(f"`global_clipnorm` {clip:g}" for clip in clips)), rows)
    return (
        "The recipe's rate and clip (bold) among others, by the perplexity of the validation split after one epoch; "
        "what was hopeless ended early:"
        f"\n\n{table}\n\n```sh\n{searched['command']}\n```"
    )


def _reached(trial: Mapping[str, Any]) -> str:
    if trial["perplexity"] is None:
        return str(trial["status"])
    at = f" at {trial['epochs']:.0%} of the epoch" if trial["status"] == "pruned" else ""
    return f"{trial['perplexity']:.4g}{at}"


def _diagnosis(diagnosis: Mapping[str, Any]) -> str:
    half_life, horizon = diagnosis["half_life"], diagnosis["horizon"]
    if half_life is None:
        fitted = "no half-life fits"
    else:
        fitted = "it never halves" if half_life == "inf" else f"it halves every {half_life:.3g} words (the half-life)"
    return (
        f"Of the gradient of a single loss, in {diagnosis['state']}, {diagnosis['left']:.1%} is left "
        f"{diagnosis['needed_lag']} words back, and 95 % of its sum lie within {horizon:.0f} words (median of "
        f"{diagnosis['positions']} places of the test split). It falls fastest at first: over all lags at which a "
        f"thousandth of it is left, of {diagnosis['lags']} at most, {fitted}. "
        f"Verdict: **{diagnosis['verdict']}**. " + " ".join(_sentence(finding) for finding in diagnosis["findings"])
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
