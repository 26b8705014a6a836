"""Token ids of texts, with CLIP's whole vocabulary and with the cut-down one of the checkpoints."""

from __future__ import annotations

import json

from transformers import CLIPTokenizer

from .common import Context, Group

TEXTS = (
    "",
    " ",
    " \t\r\n ",
    "x",
    "Zürich",
    "Zu\u0308rich",  # the same with a combining mark
    "ΣΊΣΥΦΟΣ ΟΔΟΣ",
    "İstanbul DİYARBAKIR",
    "ﬁne ﬂour ½ cup, 10⁻³ m²",
    "it's we're they've I'm she'll he'd 'tis rock'n'roll O'Neill's",
    "IT'S WE'RE",
    "don''t 's's 'd'll",
    "2024-05-17 3.14159 1,000,000 0xFF 12ab34",
    "٣٤ ४२ Ⅻ ①②",
    "snake_case camelCase kebab-case path/to/file.txt C:\\dir",
    "(((nested))) [brackets:1.3] {curly} <angle> |pipe|",
    "<|startoftext|>",
    "a <|endoftext|> b",
    "<|ENDOFTEXT|> <|endoftext",
    "!!! ... ??? --- *** ~~~ ///",
    "a.b.c,d;e:f",
    "猫と犬 東京タワー 中文字符",
    "한국어 텍스트 ไทย हिन्दी",
    "שלום مرحبا",
    "🦊🐻‍❄️👩🏽‍🚀🇨🇭 ❤️",
    "a\u200bb\u200dc\ufeffd\u00add",
    "\u00a0no\u2003break\u3000spaces\u2028line\u2029para",
    "null\u0000byte \u0001\u001f\u007f",
    "caf\u00c3\u00a9 &amp; &lt;b&gt; &eacute; &#233;",
    "“curly” ‘quotes’ „low“ «guillemets» – — …",
    "ＦＵＬＬ ｗｉｄｔｈ １２３",
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "\U0001d518\U0001d52b\U0001d526\U0001d520\U0001d52c\U0001d521\U0001d522 \ue000 \uffff \U0010ffff",
    "e\u0301\u0323 a\u030a q\u0307\u0323",
    "ⱯꞫ ǅ ẞ ŉ",
    "tab\tnew\nline\rreturn\x0bvertical\x0cfeed\x85next",
    "masterpiece, best quality, (detailed:1.2), 8k uhd, dslr, f/1.8, ISO-100",
)


def write(context: Context) -> None:
    """Writes tokenizer/cases.json."""
    about = f"CLIP tokenizer cases, with the vocabulary of {len(_whole(context))} entries."
    group = Group(context, "tokenizer", about)
    texts = TEXTS + context.variant.prompts + (context.variant.negative,)
    whole, small = _whole(context), CLIPTokenizer.from_pretrained(context.checkpoint("sd1", "tokenizer"))
    long = " ".join(context.variant.prompts * 6)
    padded = ["", texts[4], context.variant.prompts[0], long]
    cases = {
        "ids": "full sequence with start and end, no truncation, from transformers",
        "cases": [{"text": text, "ids": whole(text).input_ids} for text in (*texts, long)],
        "padded_to_77": [{"text": text, "ids": _padded(whole, text)} for text in padded],
        "small_vocabulary_where": f"checkpoints/sd1/tokenizer ({context.variant.merges} merges)",
        "small_vocabulary": [{"text": text, "ids": small(text).input_ids} for text in texts],
    }
    (group.folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    group.add("cases.json", f"{len(cases['cases'])} texts; padded and truncated cases; small vocabulary")
    group.close()


def _whole(context: Context) -> CLIPTokenizer:
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    paths = {name: str(context.vocabulary / name) for name in ("vocab.json", "merges.txt")}
    return CLIPTokenizer(
        vocab=paths["vocab.json"], merges=paths["merges.txt"], unk_token="<|endoftext|>", **special, model_max_length=77
    )


def _padded(tokenizer: CLIPTokenizer, text: str) -> list[int]:
    return tokenizer(text, padding="max_length", max_length=77, truncation=True).input_ids
