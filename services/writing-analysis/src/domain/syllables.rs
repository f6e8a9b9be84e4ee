//! Syllables of English words.
//!
//! What: a [`rule`] for any word, and a table of the words for which CMUdict says otherwise, so that every word of the
//! dictionary comes out as its first pronunciation has it while the table stays small. Why not the dictionary itself:
//! it is forty times as large. When not: numbers count one syllable and hyphenated words the sum of their parts.
//! Source: The CMU Pronouncing Dictionary, Carnegie Mellon University (BSD-2-Clause, `data/LICENSE.cmudict`);
//! `examples/syllable_table.rs` makes the table.

pub mod rule;

use std::sync::LazyLock;

use hashbrown::HashMap;

/// Lines of `<difference> <word> <word> …`: what to add to the rule's count.
const TABLE: &str = include_str!("../../data/syllables.txt");

static EXCEPTIONS: LazyLock<HashMap<&'static str, i8>> = LazyLock::new(|| {
    let mut exceptions = HashMap::with_capacity(TABLE.len() / 8);
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split(' ');
        let Some(difference) = fields.next().and_then(|field| field.parse().ok()) else {
            continue;
        };
        exceptions.extend(fields.map(|word| (word, difference)));
    }
    exceptions
});

/// Syllables of a word in lower case with straight apostrophes; at least one.
#[must_use]
pub fn count(word: &str) -> u32 {
    if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return of_letters(word);
    }
    word.split('-')
        .filter(|part| !part.is_empty())
        .map(of_part)
        .sum::<u32>()
        .max(1)
}

fn of_part(part: &str) -> u32 {
    if matches!(part, "can't" | "don't" | "won't" | "ain't" | "shan't") {
        return 1;
    }
    let Some((base, ending)) = part.rsplit_once('\'') else {
        return of_letters(part);
    };
    if let ("t", Some(verb)) = (ending, base.strip_suffix('n')) {
        return of_letters(verb) + 1;
    }
    let spoken = match ending {
        "ll" | "ve" | "d" if ending == "d" => base.ends_with(['t', 'd']),
        "ll" | "ve" => !base.ends_with(['a', 'e', 'i', 'o', 'u', 'y']),
        "s" => ["s", "z", "x", "ch", "sh", "ce", "ge", "se"]
            .iter()
            .any(|hiss| base.ends_with(hiss)),
        "" | "m" | "re" => false,
        // "o'clock": both sides are words.
        _ => return of_letters(base) + of_letters(ending),
    };
    of_letters(base) + u32::from(spoken)
}

fn of_letters(word: &str) -> u32 {
    if word.is_empty() {
        return 0;
    }
    if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        // No exception is longer; a word of a megabyte need not be hashed.
        let difference = if word.len() <= 40 {
            EXCEPTIONS.get(word).copied().unwrap_or(0)
        } else {
            0
        };
        return rule::count(word).saturating_add_signed(i32::from(difference)).max(1);
    }
    // Accents do not change the count of vowels: "café" is read as "cafe" with its e spoken.
    let plain: String = word.chars().filter_map(plain).collect();
    let spoken = u32::from(word.ends_with('é') && plain.ends_with('e'));
    if plain.is_empty() {
        1
    } else {
        rule::count(&plain) + spoken
    }
}

fn plain(letter: char) -> Option<char> {
    Some(match letter {
        'a'..='z' => letter,
        'à'..='æ' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
