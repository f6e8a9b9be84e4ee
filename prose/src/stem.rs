//! Stems of content words: "revisions", "revision" and "Revision" are one; "of" and "was" are none.
//!
//! Overlap between sentences and drafts asks whether two words speak of the same thing. A light stemmer answers it
//! well enough and shows its reasons: it takes off plural, past, progressive and a few derivational endings, and
//! borrows from the word whenever nothing has to change. When not: it makes no dictionary forms ("went" stays "went").
//! Source: after the steps of Porter 1980, much reduced; the stop words are our own list of function words.

use std::borrow::Cow;

/// The stem of a content word; nothing for function words, numbers and single letters.
#[must_use]
pub fn content_stem(word: &str) -> Option<Cow<'_, str>> {
    let word = without_possessive(word);
    let lower = lower_case(word);
    if lower.chars().nth(1).is_none() || is_stop_word(&lower) || !lower.contains(char::is_alphabetic) {
        return None;
    }
    Some(match lower {
        Cow::Borrowed(word) => stem(word),
        Cow::Owned(word) => Cow::Owned(stem(&word).into_owned()),
    })
}

/// Lower case with straight apostrophes; borrows when there is nothing to change.
#[must_use]
pub fn lower_case(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(word);
    }
    if word.is_ascii() {
        return Cow::Owned(word.to_ascii_lowercase());
    }
    Cow::Owned(word.to_lowercase().replace(['’', 'ʼ'], "'"))
}

fn without_possessive(word: &str) -> &str {
    ["'s", "’s", "'S", "'", "’"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending))
        .unwrap_or(word)
}

/// Stems a word in lower case. Stems of fewer than three letters are never made.
#[must_use]
pub fn stem(word: &str) -> Cow<'_, str> {
    if !word.is_ascii() || word.len() < 4 {
        return Cow::Borrowed(word);
    }
    let singular = singular(word);
    match singular {
        Cow::Borrowed(word) => derive(word),
        Cow::Owned(word) => Cow::Owned(derive(&word).into_owned()),
    }
}

fn singular(word: &str) -> Cow<'_, str> {
    if let Some(base) = word.strip_suffix("ies") {
        return if base.len() > 2 {
            Cow::Owned(format!("{base}y"))
        } else {
            Cow::Borrowed(&word[..word.len() - 1])
        };
    }
    for ending in ["sses", "shes", "ches", "xes", "zes"] {
        if word.ends_with(ending) {
            return Cow::Borrowed(&word[..word.len() - 2]);
        }
    }
    let plural = word.ends_with('s')
        && !["ss", "us", "is", "as", "os"]
            .iter()
            .any(|ending| word.ends_with(ending));
    Cow::Borrowed(if plural { &word[..word.len() - 1] } else { word })
}

fn derive(word: &str) -> Cow<'_, str> {
    if let Some(base) = word.strip_suffix("ied")
        && base.len() > 2
    {
        return Cow::Owned(format!("{base}i"));
    }
    for ending in ["ingly", "edly", "ing", "ed"] {
        if let Some(base) = word.strip_suffix(ending)
            && base.len() > 2
            && has_vowel(base)
        {
            return without_final_e(without_double(base));
        }
    }
    for (ending, least) in [
        ("fulness", 3),
        ("iveness", 3),
        ("ness", 3),
        ("ment", 4),
        ("ly", 4),
        ("er", 5),
        ("ful", 3),
    ] {
        if let Some(base) = word.strip_suffix(ending)
            && base.len() >= least
        {
            return without_final_e(base);
        }
    }
    for (ending, replacement, least) in [
        ("ation", "at", 3),
        ("ition", "it", 3),
        ("ction", "ct", 2),
        ("sion", "s", 3),
    ] {
        if let Some(base) = word.strip_suffix(ending)
            && base.len() >= least
        {
            return Cow::Borrowed(&word[..base.len() + replacement.len()]);
        }
    }
    without_final_e(word)
}

fn without_final_e(word: &str) -> Cow<'_, str> {
    let base = word.strip_suffix('e').filter(|base| base.len() > 2).unwrap_or(word);
    match base.strip_suffix('y') {
        Some(short) if short.len() > 2 && !short.ends_with(['a', 'e', 'i', 'o', 'u']) => {
            Cow::Owned(format!("{short}i"))
        }
        _ => Cow::Borrowed(base),
    }
}

fn without_double(base: &str) -> &str {
    match base.as_bytes() {
        [.., before, last] if before == last && !matches!(last, b'l' | b's' | b'z') => &base[..base.len() - 1],
        _ => base,
    }
}

fn has_vowel(base: &str) -> bool {
    base.contains(['a', 'e', 'i', 'o', 'u', 'y'])
}

/// Whether a word in lower case is a function word.
#[must_use]
pub fn is_stop_word(word: &str) -> bool {
    word.len() <= 10 && STOP_WORDS.binary_search(&word).is_ok()
}

/// Sorted, for the binary search.
#[rustfmt::skip]
pub(crate) const STOP_WORDS: &[&str] = &[
    "a", "about", "above", "across", "after", "again", "against", "all", "almost", "along",
    "already", "also", "although", "always", "am", "among", "an", "and", "another", "any",
    "anybody", "anyone", "anything", "are", "aren't", "around", "as", "at", "away", "be",
    "because", "been", "before", "being", "below", "between", "both", "but", "by", "can", "can't",
    "cannot", "could", "couldn't", "despite", "did", "didn't", "do", "does", "doesn't", "doing",
    "don't", "done", "down", "during", "each", "either", "else", "enough", "even", "ever",
    "every", "everybody", "everyone", "everything", "few", "first", "for", "from", "further",
    "get", "gets", "getting", "got", "had", "hadn't", "has", "hasn't", "have", "haven't",
    "having", "he", "he'd", "he'll", "he's", "hence", "her", "here", "hers", "herself", "him",
    "himself", "his", "how", "however", "i", "i'd", "i'll", "i'm", "i've", "if", "in", "indeed",
    "instead", "into", "is", "isn't", "it", "it'd", "it'll", "it's", "its", "itself", "just",
    "last", "least", "less", "let", "let's", "like", "many", "may", "maybe", "me", "might",
    "mine", "more", "moreover", "most", "much", "must", "mustn't", "my", "myself", "neither",
    "never", "next", "no", "nobody", "none", "nor", "not", "nothing", "now", "of", "off", "often",
    "on", "once", "one", "ones", "only", "onto", "or", "other", "others", "otherwise", "ought",
    "our", "ours", "ourselves", "out", "over", "own", "per", "perhaps", "quite", "rather",
    "really", "same", "second", "several", "shall", "she", "she'd", "she'll", "she's", "should",
    "shouldn't", "since", "so", "some", "somebody", "someone", "something", "sometimes", "still",
    "such", "than", "that", "that's", "the", "their", "theirs", "them", "themselves", "then",
    "there", "there's", "thereby", "therefore", "these", "they", "they'd", "they'll", "they're",
    "they've", "thing", "things", "third", "this", "those", "though", "three", "through",
    "throughout", "thus", "to", "too", "toward", "towards", "two", "under", "unless", "until",
    "up", "upon", "us", "very", "was", "wasn't", "we", "we'd", "we'll", "we're", "we've", "were",
    "weren't", "what", "what's", "whatever", "when", "whenever", "where", "whereas", "wherever",
    "whether", "which", "while", "who", "who's", "whom", "whose", "why", "will", "with", "within",
    "without", "won't", "would", "wouldn't", "yes", "yet", "you", "you'd", "you'll", "you're",
    "you've", "your", "yours", "yourself", "yourselves",
];
