//! What is refused before any rule runs, beyond what the contract's annotations can say.
//!
//! Another language, and a text without a word where there has to be one. Reasons are the contract's; messages hold
//! nothing of the text. When not: a field that may be empty may also be without words, and counts as empty then.

use lyceum::error::Error;
use lyceum_prose::Prose;
use lyceum_prose::language::{self, Language};
use tonic::Status;

/// Reads a text that has to have a word.
pub(super) fn with_words<'t>(field: &str, text: &'t str) -> Result<Prose<'t>, Status> {
    let prose = english(field, text)?;
    if prose.words.is_empty() {
        return Err(Error::invalid_argument("NO_WORDS", "the text has no words")
            .with_field(field, "must have a word")
            .into());
    }
    Ok(prose)
}

/// Reads a text unless it is surely in another language.
pub(super) fn english<'t>(field: &str, text: &'t str) -> Result<Prose<'t>, Status> {
    let Language::Other { code } = language::detect(text) else {
        return Ok(Prose::parse(text));
    };
    Err(Error::failed_precondition(
        "LANGUAGE_UNSUPPORTED",
        "the text is not in English, for which alone the rules are made",
    )
    .with_metadata("detected", code)
    .with_metadata("field", field)
    .into())
}
