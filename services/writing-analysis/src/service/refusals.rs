//! What is refused before any analysis, beyond what the contract's annotations can say.
//!
//! No words, too many words, another language. Reasons are the contract's; messages hold nothing of the text.

use lyceum::error::Error;
use lyceum_prose::{
    Prose,
    language::{self, Language},
};
use tonic::Status;

/// The most words that are analysed.
pub(super) const WORDS: usize = 100_000;

/// Reads a text, unless it is refused.
pub(super) fn accept<'t>(field: &str, text: &'t str) -> Result<Prose<'t>, Status> {
    if let Language::Other { code } = language::detect(text) {
        return Err(Error::failed_precondition(
            "LANGUAGE_UNSUPPORTED",
            "the text is not in English, for which alone the measures are made",
        )
        .with_metadata("detected", code)
        .with_metadata("field", field)
        .into());
    }
    let prose = Prose::parse(text);
    match prose.words.len() {
        0 => Err(Error::invalid_argument("NO_WORDS", "the text has no words")
            .with_field(field, "must have a word")
            .into()),
        1..=WORDS => Ok(prose),
        _ => Err(
            Error::invalid_argument("TOO_MANY_WORDS", "the text has more than 100,000 words")
                .with_field(field, "must have at most 100,000 words")
                .into(),
        ),
    }
}
