//! Syllables by rule, for words that no dictionary knows.
//!
//! Counts groups of vowels, then corrects for what English does with them: silent e, endings that take no syllable
//! and vowels in a row that are spoken apart. When not: ask [`super::count`], which knows the exceptions. Source: the
//! vowel-group method behind most Flesch counters, with corrections found on the development half of CMUdict.

/// Syllables of a word in lower-case ASCII letters; at least one.
#[must_use]
pub fn count(word: &str) -> u32 {
    let letters = word.as_bytes();
    let mut total = 0_i32;
    let mut at = 0;
    while at < letters.len() {
        if !vowel(letters, at) {
            at += 1;
            continue;
        }
        let start = at;
        while at < letters.len() && vowel(letters, at) {
            at += 1;
        }
        total += 1 + hiatus(letters, start, at);
    }
    total += ending(letters) + inner(word);
    u32::try_from(total.max(1)).unwrap_or(1)
}

fn vowel(letters: &[u8], at: usize) -> bool {
    match letters[at] {
        b'a' | b'e' | b'i' | b'o' => true,
        // "qu" is a consonant; so is the u of "guess" and "guide".
        b'u' => {
            let before = at.checked_sub(1).map(|before| letters[before]);
            let after = letters.get(at + 1);
            !(before == Some(b'q')
                || before == Some(b'g') && matches!(after, Some(b'e' | b'i')) && at + 2 < letters.len())
        }
        b'y' => {
            at > 0 && !matches!(letters.get(at + 1), Some(b'a' | b'o' | b'u' | b'e' | b'i')) || {
                at > 0 && !matches!(letters[at - 1], b'a' | b'e' | b'i' | b'o' | b'u')
            }
        }
        _ => false,
    }
}

/// Further syllables inside a group of vowels.
fn hiatus(letters: &[u8], start: usize, end: usize) -> i32 {
    let group = &letters[start..end];
    let before = start.checked_sub(1).map_or(b' ', |at| letters[at]);
    let rest = &letters[end..];
    match group {
        b"ia" if matches!(before, b't' | b'c') && !rest.is_empty() => 0,
        b"ia" if before == b's' && rest.starts_with(b"n") => 0,
        b"ia" | b"iu" | b"ii" => 1,
        b"io"
            if matches!(before, b't' | b's' | b'c' | b'g' | b'x')
                && rest.first().is_some_and(|c| matches!(c, b'n' | b'u')) =>
        {
            0
        }
        b"io" => 1,
        b"iou" | b"eou" if matches!(before, b't' | b'c' | b'g' | b'x') => 0,
        b"iou" | b"eou" | b"iao" | b"eoi" | b"iae" | b"iea" | b"oia" | b"uou" | b"uie" | b"ieu" => 1,
        b"ie"
            if rest == b"r"
                && matches!(before, b'd' | b'l' | b'n' | b'r' | b't' | b's' | b'p' | b'v' | b'z')
                && start > 3 =>
        {
            1
        }
        b"ie" if rest == b"st" || rest == b"ty" || rest == b"nt" || rest == b"nce" || rest == b"t" => 1,
        b"eo" if matches!(rest.first(), Some(b'p')) || before == b'g' => 0,
        b"eo" => 1,
        b"ea" if rest == b"te" || rest == b"tion" || rest == b"tive" || rest == b"ted" || rest == b"tor" => 1,
        b"eu" if rest == b"m" => 1,
        b"ei" if rest == b"ng" || rest == b"ty" => 1,
        b"ua" if rest.starts_with(b"l") || rest.starts_with(b"t") || rest.starts_with(b"r") || rest.is_empty() => {
            i32::from(!(before == b'g' && rest.starts_with(b"r")) && before != b'q')
        }
        b"uo" | b"ue" if rest == b"nt" || rest == b"nce" || rest == b"l" => 1,
        b"ui" if rest == b"ty" || rest == b"ng" => 1,
        b"ao" | b"oe" if rest == b"s" || rest.starts_with(b"t") => i32::from(group == b"ao"),
        b"oi" if rest == b"ng" => 1,
        b"oo" | b"ou" | b"ai" | b"au" | b"ay" | b"ey" | b"oy" | b"oa" | b"ee" => 0,
        b"ayi" | b"eyi" | b"oyi" | b"uyi" | b"owi" | b"aye" | b"oye" | b"eye" if !rest.is_empty() => 1,
        b"yi" | b"ya" | b"yo" | b"yia" if start > 0 => 1,
        _ if group.len() >= 4 => 1,
        _ => 0,
    }
}

/// What the end of a word takes away or adds.
fn ending(letters: &[u8]) -> i32 {
    let consonant = |back: usize| {
        letters.len() >= back && !matches!(letters[letters.len() - back], b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
    };
    match letters {
        [.., b't' | b's' | b'd' | b'r' | b'z', b'h', b'm'] => 1,
        [.., b's', b'm'] => 1,
        [.., b's', b'm', b's'] => 1,
        [.., b'l', b'l', b'e'] | [.., b'l', b'l', b'e', b's' | b'd'] => -1,
        [.., b'r', b'r', b'e', b'd'] | [.., b'y', b'e', b'd'] => -1,
        [.., b'i', b'q' | b'g', b'u', b'e'] | [.., b'o' | b'a', b'g', b'u', b'e'] => -1,
        [.., b'i', b'c', b'a', b'l', b'l', b'y'] => -1,
        [.., b'q', b'u', b'e', b's'] => -1,
        [.., b'q', b'u', b'e'] if letters.len() > 4 => -1,
        // "table", "tables", but "whale".
        [.., b'l', b'e'] if consonant(3) => 0,
        [.., b'l', b'e', b's' | b'd'] if consonant(4) && letters.len() > 4 => 0,
        [.., b'r', b'e', b'd'] if consonant(4) && letters.len() > 4 => 0,
        [.., last, b'e'] if letters.len() > 2 && !matches!(last, b'a' | b'e' | b'i' | b'o' | b'u' | b'y') => -1,
        [.., b'u', b'e'] if letters.len() > 3 && matches!(letters[letters.len() - 3], b'g' | b'q') => 0,
        [.., b's' | b'z' | b'x' | b'c' | b'g', b'e', b's'] => 0,
        [.., b'c' | b's', b'h', b'e', b's'] => 0,
        [.., last, b'e', b's'] if letters.len() > 3 && !matches!(last, b'a' | b'e' | b'i' | b'o' | b'u' | b'y') => -1,
        [.., b't' | b'd', b'e', b'd'] => 0,
        [.., last, b'e', b'd'] if letters.len() > 3 && !matches!(last, b'a' | b'e' | b'i' | b'o' | b'u' | b'y') => -1,
        _ => 0,
    }
}

/// Silent e before an ending that begins with a consonant: "statement", "lovely", "hopeful", "homework".
fn inner(word: &str) -> i32 {
    const ENDINGS: [&str; 26] = [
        "ment", "ments", "mental", "ly", "ness", "ful", "fully", "less", "lessly", "lessness", "some", "ty", "man",
        "men", "work", "wood", "land", "way", "ways", "house", "time", "line", "fully", "side", "ford", "berg",
    ];
    let silent = ENDINGS.iter().any(|ending| {
        word.strip_suffix(ending).is_some_and(|base| {
            let base = base.as_bytes();
            match base {
                [.., vowel, consonant, b'e'] => {
                    base.len() > 2
                        && matches!(vowel, b'a' | b'e' | b'i' | b'o' | b'u' | b'y' | b'r' | b'n')
                        && !matches!(consonant, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
                        && base.iter().any(|letter| matches!(letter, b'a' | b'i' | b'o' | b'u'))
                }
                _ => false,
            }
        })
    });
    -i32::from(silent)
}
