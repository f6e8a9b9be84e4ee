//! Words whose full stop need not end a sentence.
//!
//! Two kinds: those that a name or number always follows, and those that may also close a sentence; for the second the
//! next word's capital decides. Source: Kiss & Strunk 2006 for the distinction; the list is our own.

/// How a full stop after a word is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abbreviation {
    /// Never the end: "Dr. Chen", "e.g. this".
    Leads,
    /// The end when a capital follows: "salt, sugar, etc. They melt."
    MayClose,
    /// "U.S" and "B.C": the end when a word that opens sentences follows.
    Pointed,
    /// "No. 5" and "Fig. 2": not the end before a digit.
    Numbers,
    /// An ordinary word.
    None,
}

/// Looks a word up as it stands before its full stop.
pub(crate) fn of(word: &str) -> Abbreviation {
    if word.len() > 6 {
        return Abbreviation::None;
    }
    if word.contains('.') && word.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return if word.eq_ignore_ascii_case("e.g") || word.eq_ignore_ascii_case("i.e") {
            Abbreviation::Leads
        } else {
            Abbreviation::Pointed
        };
    }
    let mut lower = [0_u8; 6];
    let lower = &mut lower[..word.len()];
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    match &*lower {
        b"dr" | b"mr" | b"mrs" | b"ms" | b"mx" | b"prof" | b"rev" | b"hon" | b"gen" | b"col" | b"capt" | b"lt"
        | b"sgt" | b"gov" | b"sen" | b"rep" | b"st" | b"mt" | b"vs" | b"cf" | b"eg" | b"ie" | b"viz" | b"approx"
        | b"ca" | b"messrs" | b"mme" => Abbreviation::Leads,
        b"etc" | b"al" | b"inc" | b"ltd" | b"co" | b"corp" | b"jr" | b"sr" | b"dept" | b"est" | b"ave" | b"blvd"
        | b"rd" | b"ed" | b"eds" | b"univ" | b"jan" | b"feb" | b"apr" | b"aug" | b"sept" | b"oct" | b"nov" | b"dec"
        | b"hrs" | b"mins" | b"secs" | b"min" | b"cm" | b"mm" | b"km" | b"kg" | b"lb" | b"lbs" | b"oz" | b"ft"
        | b"ph" => Abbreviation::MayClose,
        b"no" | b"nos" | b"fig" | b"figs" | b"vol" | b"vols" | b"pp" | b"p" | b"ch" | b"chap" | b"sec" | b"eq"
        | b"art" | b"para" => Abbreviation::Numbers,
        _ => Abbreviation::None,
    }
}

/// Whether a word is one that sentences open with far more often than names do.
pub(crate) fn opens_sentences(word: &str) -> bool {
    matches!(
        word,
        "The"
            | "This"
            | "That"
            | "These"
            | "Those"
            | "A"
            | "An"
            | "It"
            | "He"
            | "She"
            | "They"
            | "We"
            | "You"
            | "I"
            | "In"
            | "On"
            | "At"
            | "By"
            | "For"
            | "From"
            | "With"
            | "As"
            | "If"
            | "When"
            | "While"
            | "After"
            | "Before"
            | "Because"
            | "Although"
            | "But"
            | "And"
            | "So"
            | "Or"
            | "Yet"
            | "Then"
            | "There"
            | "Here"
            | "However"
            | "Therefore"
            | "Moreover"
            | "My"
            | "Our"
            | "Their"
            | "His"
            | "Her"
            | "Its"
            | "What"
            | "Why"
            | "How"
            | "Who"
            | "Where"
            | "Is"
            | "Are"
            | "Was"
            | "Were"
            | "Do"
            | "Does"
            | "Did"
            | "Not"
            | "No"
            | "Some"
            | "Many"
            | "Most"
            | "All"
            | "One"
            | "Another"
            | "Since"
            | "To"
    )
}
