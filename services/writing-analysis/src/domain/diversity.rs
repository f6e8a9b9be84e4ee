//! How varied the vocabulary is.
//!
//! Three measures that do not fall with length as the raw type–token ratio does, each in linear time. Under 50 words
//! none is told, because none means anything there. When not: variety is no virtue in itself; a lab report repeats its
//! terms. Source: McCarthy & Jarvis 2010 (MTLD, HD-D); Covington & McFall 2010 (MATTR).

use super::{lexicon::Traits, reading::Reading, statistics::number};

/// Under this many words nothing is measured.
const LEAST: usize = 50;
/// MTLD's factor size.
const FACTOR: f64 = 0.72;
/// HD-D's sample.
const SAMPLE: u32 = 42;
/// MATTR's window.
const WINDOW: usize = 50;

/// Variety of a text's words.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Diversity {
    /// Mean length of stretches that keep a type–token ratio above 0.72.
    pub mtld: Option<f64>,
    /// Mean probability that a type occurs in a sample of 42 words.
    pub hdd: Option<f64>,
    /// Mean type–token ratio of a window of 50 words.
    pub mattr: Option<f64>,
    /// Distinct forms.
    pub types: u32,
    /// Share of content words that are long and Latinate.
    pub sophisticated_share: f64,
}

impl Diversity {
    /// Measures a text.
    #[must_use]
    pub fn of(reading: &Reading<'_>) -> Self {
        let forms = &reading.forms;
        let types = reading.vocabulary.len();
        let (mut content, mut sophisticated) = (0_u32, 0_u32);
        for form in forms.iter().map(|form| &reading.vocabulary[*form as usize]) {
            if form.stem.is_some() {
                content += 1;
                sophisticated += u32::from(form.letters > 7 && form.traits.any(Traits::LATINATE));
            }
        }
        let enough = forms.len() >= LEAST;
        Self {
            mtld: enough.then(|| mtld(forms, types)),
            hdd: enough.then(|| hdd(forms, types)),
            mattr: enough.then(|| mattr(forms, types)),
            types: number(types),
            sophisticated_share: f64::from(sophisticated) / f64::from(content.max(1)),
        }
    }
}

/// Mean of both directions.
#[must_use]
pub fn mtld(forms: &[u32], types: usize) -> f64 {
    // The number of the stretch in which a form was last seen: clearing it is one addition.
    let mut seen = vec![0_u32; types];
    let forward = one_way(forms.iter().copied(), forms.len(), &mut seen);
    seen.fill(0);
    f64::midpoint(forward, one_way(forms.iter().rev().copied(), forms.len(), &mut seen))
}

fn one_way(forms: impl Iterator<Item = u32>, words: usize, seen: &mut [u32]) -> f64 {
    let (mut factors, mut stretch, mut types, mut tokens) = (0.0_f64, 1_u32, 0_u32, 0_u32);
    let mut ratio = 1.0;
    for form in forms {
        tokens += 1;
        let last = &mut seen[form as usize];
        if *last != stretch {
            *last = stretch;
            types += 1;
        }
        ratio = f64::from(types) / f64::from(tokens);
        if ratio <= FACTOR {
            factors += 1.0;
            stretch += 1;
            (types, tokens, ratio) = (0, 0, 1.0);
        }
    }
    if tokens > 0 {
        factors += (1.0 - ratio) / (1.0 - FACTOR);
    }
    let words = f64::from(number(words));
    // A text without a repeated word never fills a factor: its length is the best that can be said.
    if factors > 0.0 { words / factors } else { words }
}

/// The hypergeometric chance of each type to be in a sample, summed over types and divided by the sample's size.
#[must_use]
pub fn hdd(forms: &[u32], types: usize) -> f64 {
    let mut counts = vec![0_u32; types];
    for form in forms {
        counts[*form as usize] += 1;
    }
    // Types of the same count have the same chance: work it out once for each count.
    counts.sort_unstable();
    let total = number(forms.len());
    let mut sum = 0.0;
    for group in counts.chunk_by(|one, other| one == other) {
        sum += f64::from(number(group.len())) * (1.0 - absent(total, group[0])) / f64::from(SAMPLE);
    }
    sum
}

/// The chance that a type of `count` words is in no sample drawn without returning: a product of at most 42 factors.
fn absent(total: u32, count: u32) -> f64 {
    let rest = total - count;
    if rest < SAMPLE {
        return 0.0;
    }
    (0..SAMPLE)
        .map(|drawn| f64::from(rest - drawn) / f64::from(total - drawn))
        .product()
}

/// Slides a window over the words and keeps count of what is in it.
#[must_use]
pub fn mattr(forms: &[u32], types: usize) -> f64 {
    let mut inside = vec![0_u32; types];
    let (mut distinct, mut sum, mut windows) = (0_u32, 0.0, 0_u32);
    for (at, form) in forms.iter().enumerate() {
        let entering = &mut inside[*form as usize];
        *entering += 1;
        distinct += u32::from(*entering == 1);
        if at >= WINDOW {
            let leaving = &mut inside[forms[at - WINDOW] as usize];
            *leaving -= 1;
            distinct -= u32::from(*leaving == 0);
        }
        if at + 1 >= WINDOW {
            sum += f64::from(distinct) / f64::from(number(WINDOW));
            windows += 1;
        }
    }
    sum / f64::from(windows.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_windows_mean_is_exact() {
        // 50 different words, then the first again: every window of 50 holds 50 types.
        let mut forms: Vec<u32> = (0..50).collect();
        forms.push(0);
        assert!((mattr(&forms, 50) - 1.0).abs() < 1e-12);
        assert!((mattr(&[7; 60].map(|_| 0), 1) - 0.02).abs() < 1e-12);
    }

    #[test]
    fn the_sample_is_hypergeometric() {
        // All words alike: the one type is in every sample.
        assert!((hdd(&[0; 100], 1) - 1.0 / 42.0).abs() < 1e-12);
        // All words different: each is in a sample with chance 42/100, and there are 100.
        let forms: Vec<u32> = (0..100).collect();
        assert!((hdd(&forms, 100) - 1.0).abs() < 1e-9);
        // Two types of 50: either is absent with chance C(50,42)/C(100,42), which is tiny.
        let forms: Vec<u32> = (0..100).map(|at| at % 2).collect();
        assert!((hdd(&forms, 2) - 2.0 / 42.0).abs() < 1e-9);
    }

    #[test]
    fn factors_are_counted_by_hand() {
        // a b a: 2/3 ≤ 0.72 closes a factor every third word; 9 words, 3 factors, both ways.
        let forms = [0, 1, 0, 2, 3, 2, 4, 5, 4];
        assert!((mtld(&forms, 6) - 3.0).abs() < 1e-12);
        // a b a c: the rest of one word has ratio 1, so adds nothing; backward c a b a closes one at 3/4? no, at 0.75.
        let forward = one_way([0, 1, 0, 2].into_iter(), 4, &mut [0; 3]);
        assert!((forward - 4.0).abs() < 1e-12);
        let backward = one_way([2, 0, 1, 0].into_iter(), 4, &mut [0; 3]);
        assert!((backward - 4.0 / (0.25 / 0.28)).abs() < 1e-9);
    }
}
