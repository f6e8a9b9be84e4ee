//! What an analysis costs: an essay of 500 words, and 1,000 to 100,000 words for linearity.
//!
//! `cargo bench -p lyceum-writing-analysis`. The text is made of sentences of the crate's own bank, shuffled by a
//! fixed seed, so that vocabulary and findings are those of student prose.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lyceum_writing_analysis::domain::{measures::Measures, observing, reading::Reading, structure};

const BANK: &str = include_str!("../tests/data/sentences.txt");

fn text(words: usize) -> String {
    let sentences: Vec<&str> = BANK
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once('\t').map_or(line, |(_, text)| text))
        .collect();
    let (mut text, mut seed, mut count, mut in_paragraph) = (String::new(), 7_u64, 0, 0);
    while count < words {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let sentence = sentences[usize::try_from(seed >> 33).unwrap_or(0) % sentences.len()];
        count += sentence.split(' ').count();
        in_paragraph += 1;
        text.push_str(sentence);
        text.push_str(if in_paragraph % 6 == 0 { "\n\n" } else { " " });
    }
    text
}

fn analyze(text: &str) -> usize {
    let reading = Reading::new(text);
    let measures = Measures::of(&reading);
    let parts = structure::parts(&reading);
    let findings = observing::of_text(&reading, &parts);
    findings.len() + measures.readability.len()
}

fn analysis(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("analysis");
    for words in [500, 1_000, 10_000, 100_000] {
        let text = text(words);
        group.throughput(Throughput::Bytes(text.len() as u64));
        if words > 10_000 {
            group.sample_size(10);
        }
        group.bench_with_input(BenchmarkId::new("words", words), &text, |bencher, text| {
            bencher.iter(|| analyze(black_box(text)));
        });
    }
    group.finish();
}

criterion_group!(benches, analysis);
criterion_main!(benches);
