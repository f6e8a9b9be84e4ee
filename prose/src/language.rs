//! Which language a text is in, when that is sure.
//!
//! The services read English only and must say so instead of giving nonsense. A refusal of a student's honest English
//! is worse than an analysis of half-English, so everything that is short, mixed or doubtful is [`Language::Undecided`]
//! and accepted. Function words that no other large language shares decide most English texts at once; only the rest
//! go to trigrams. When not: this is no language identifier for other purposes. Source: Cavnar & Trenkle 1994 for
//! trigrams (crate `whatlang`).

use whatlang::Script;

/// What a text is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Too short, too mixed or too unclear to say.
    Undecided,
    /// Surely another one.
    Other {
        /// Its ISO 639-3 code.
        code: &'static str,
    },
}

/// How many bytes of each sample are looked at: the start, the middle and the end of a long text.
const SAMPLE: usize = 1200;
/// Under this share of English function words, a text may be in another language.
const FEW: f64 = 0.10;
/// From this share on, it is English.
const MANY: f64 = 0.18;
/// Letters that a text in Latin script needs for a refusal.
const LETTERS: usize = 60;
/// Letters that suffice when the script itself is another one.
const LETTERS_OF_OTHER_SCRIPT: usize = 20;

/// Looks at up to three samples of a text.
#[must_use]
pub fn detect(text: &str) -> Language {
    let mut verdict = None;
    for sample in samples(text) {
        let found = detect_sample(sample);
        // Texts that change their language are mixed: accepted.
        match verdict {
            None => verdict = Some(found),
            Some(before) if before == found => {}
            Some(_) => return Language::Undecided,
        }
    }
    verdict.unwrap_or(Language::Undecided)
}

fn samples(text: &str) -> impl Iterator<Item = &str> {
    let starts = if text.len() <= 3 * SAMPLE {
        [Some((0, text.len())), None, None]
    } else {
        let (middle, last) = (text.len() / 2 - SAMPLE / 2, text.len() - SAMPLE);
        [
            Some((0, SAMPLE)),
            Some((middle, middle + SAMPLE)),
            Some((last, text.len())),
        ]
    };
    starts
        .into_iter()
        .flatten()
        .map(|(start, end)| &text[floor(text, start)..floor(text, end)])
}

/// The last boundary between characters up to a byte.
fn floor(text: &str, byte: usize) -> usize {
    (0..=byte).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn detect_sample(sample: &str) -> Language {
    let (mut words, mut english) = (0_u32, 0_u32);
    for word in sample.split(|character: char| !character.is_alphabetic() && character != '\'') {
        if word.is_empty() {
            continue;
        }
        words += 1;
        english += u32::from(is_english_only(word));
    }
    let share = f64::from(english) / f64::from(words.max(1));
    if share >= MANY && words >= 5 {
        return Language::English;
    }
    if share >= FEW {
        return Language::Undecided;
    }
    let letters = sample.chars().filter(|character| character.is_alphabetic()).count();
    let Some(info) = whatlang::detect(sample) else {
        return Language::Undecided;
    };
    let enough = if info.script() == Script::Latin {
        LETTERS
    } else {
        LETTERS_OF_OTHER_SCRIPT
    };
    if info.lang() == whatlang::Lang::Eng {
        return if info.is_reliable() {
            Language::English
        } else {
            Language::Undecided
        };
    }
    let sure = if info.script() == Script::Latin {
        info.is_reliable() && info.confidence() > 0.9
    } else {
        // The script alone tells that it is not English, even where two languages share it.
        mostly_in(info.script(), sample, letters)
    };
    if sure && letters >= enough {
        Language::Other {
            code: info.lang().code(),
        }
    } else {
        Language::Undecided
    }
}

/// Whether the letters are in the script rather than a quotation in it.
fn mostly_in(script: Script, sample: &str, letters: usize) -> bool {
    let ascii = sample.bytes().filter(u8::is_ascii_alphabetic).count();
    script != Script::Latin && ascii * 4 < letters
}

/// Function words that English shares with no other large language in Latin script.
fn is_english_only(word: &str) -> bool {
    let length = word.len();
    if !(2..=7).contains(&length) {
        return false;
    }
    let mut lower = [0_u8; 7];
    let lower = &mut lower[..length];
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    matches!(
        &*lower,
        b"the"
            | b"and"
            | b"of"
            | b"that"
            | b"it"
            | b"with"
            | b"this"
            | b"for"
            | b"they"
            | b"have"
            | b"from"
            | b"are"
            | b"which"
            | b"because"
            | b"my"
            | b"would"
            | b"were"
            | b"been"
            | b"their"
            | b"there"
            | b"by"
            | b"she"
            | b"you"
            | b"his"
            | b"her"
            | b"but"
            | b"not"
            | b"what"
            | b"when"
            | b"who"
            | b"can"
            | b"could"
            | b"about"
            | b"how"
            | b"our"
            | b"had"
            | b"has"
            | b"these"
            | b"those"
            | b"your"
            | b"should"
            | b"into"
            | b"than"
            | b"them"
            | b"then"
            | b"very"
            | b"only"
            | b"did"
            | b"does"
            | b"don't"
            | b"it's"
            | b"i'm"
            | b"at"
            | b"be"
            | b"we"
            | b"is"
            | b"was"
            | b"think"
            | b"people"
            | b"why"
            | b"where"
            | b"while"
            | b"to"
            | b"as"
    )
}
