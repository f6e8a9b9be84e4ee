#![allow(clippy::unwrap_used, reason = "a test may panic")]

/// Every twentieth word of CMUdict with the syllables of its first pronunciation.
const SAMPLE: &str = include_str!("../../../tests/data/cmudict_sample.tsv");

#[test]
fn agrees_with_the_dictionary() {
    let (mut words, mut right, mut by_rule) = (0, 0, 0);
    for line in SAMPLE.lines().filter(|line| !line.starts_with('#')) {
        let (word, syllables) = line.split_once('\t').unwrap();
        let syllables: u32 = syllables.parse().unwrap();
        words += 1;
        right += u32::from(super::count(word) == syllables);
        let letters: String = word.chars().filter(char::is_ascii_lowercase).collect();
        by_rule += u32::from(super::rule::count(&letters) == syllables);
    }
    let share = |part: u32| f64::from(part) / f64::from(words);
    println!(
        "syllables of {words} words: {:.2} % right, {:.2} % by rule alone",
        100.0 * share(right),
        100.0 * share(by_rule)
    );
    assert!(words > 6_000);
    assert!(share(right) >= 0.97, "{}", share(right));
    assert!(share(by_rule) >= 0.90, "{}", share(by_rule));
}

#[test]
fn counts_what_no_dictionary_has() {
    for (word, syllables) in [
        ("didn't", 2),
        ("they're", 1),
        ("it'll", 2),
        ("class's", 2),
        ("well-known", 2),
        ("2024", 1),
        ("café", 2),
        ("o'clock", 2),
        ("mother-in-law", 4),
        ("שלום", 1),
        ("bloggification", 5),
        ("x", 1),
    ] {
        assert_eq!(super::count(word), syllables, "{word}");
    }
}
