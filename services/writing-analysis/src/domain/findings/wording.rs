//! What a finding says to a student.
//!
//! One sentence that tells what was seen and why it matters, and one question. Questions vary with what was seen, but
//! the same text always gets the same words. When not: no word here praises, blames or rewrites. Quotations of the
//! text are cut at 40 characters, under the contract's limit of 60.

use super::Kind;
use crate::domain::structure::Element;

/// What was seen, as far as the wording needs it.
#[derive(Clone, Copy, Debug)]
pub enum Wording<'a> {
    /// The words of the verb group, and whether "by" names who acts.
    Passive(&'a str, bool),
    /// Words in the sentence, and the text's usual number.
    Long(usize, usize),
    /// The verb, and whether it is in the present.
    Tense(&'a str, bool),
    /// The pronoun, and the one before.
    Person(&'a str, &'a str),
    /// The phrase, and how often it stands.
    Phrase(&'a str, usize),
    /// Two like sentences.
    Near,
    /// The words of verb and noun.
    Hidden(&'a str),
    /// How many hedges.
    Hedges(usize),
    /// The booster.
    Booster(&'a str),
    /// Between paragraphs, or between sentences.
    Gap(bool),
    /// The word, and how many sentences.
    Opening(&'a str, usize),
    /// A claim.
    Claim,
    /// What is missing.
    Missing(Element),
    /// An experience.
    Experience,
}

impl Wording<'_> {
    /// The rule.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Wording::Passive(..) => Kind::PassiveVoice,
            Wording::Long(..) => Kind::LongSentence,
            Wording::Tense(..) => Kind::TenseShift,
            Wording::Person(..) => Kind::PersonShift,
            Wording::Phrase(..) => Kind::RepeatedPhrase,
            Wording::Near => Kind::NearRepeat,
            Wording::Hidden(..) => Kind::Nominalisation,
            Wording::Hedges(..) => Kind::HedgeCluster,
            Wording::Booster(..) => Kind::UnsupportedBooster,
            Wording::Gap(..) => Kind::CohesionGap,
            Wording::Opening(..) => Kind::SameOpening,
            Wording::Claim => Kind::ClaimWithoutEvidence,
            Wording::Missing(..) => Kind::MissingElement,
            Wording::Experience => Kind::ExperienceWithoutReflection,
        }
    }

    /// The explanation and the question.
    #[must_use]
    pub fn say(&self) -> (String, String) {
        let (explanation, question) = match *self {
            Wording::Passive(words, true) => (
                format!("“{}” is passive and names who acts only at the end, so the reader has to wait.", short(words)),
                "Is the one who acts, or what happens to the thing, more important here?".to_owned(),
            ),
            Wording::Passive(words, false) => (
                format!("“{}” is passive, so the sentence does not have to say who acts.", short(words)),
                "Who does this, and would your reader want to know?".to_owned(),
            ),
            Wording::Long(words, usual) => (
                format!("This sentence has {words} words where yours usually have about {usual}; a reader must hold it all at once."),
                "Which of its ideas could stand on their own?".to_owned(),
            ),
            Wording::Tense(verb, present) => (
                format!(
                    "“{}” is in the {} tense while the sentences around it are in the {}, so the time of events is unclear.",
                    short(verb),
                    if present { "present" } else { "past" },
                    if present { "past" } else { "present" },
                ),
                "Does this happen at the same time as what you tell before it?".to_owned(),
            ),
            Wording::Person(pronoun, before) => (
                format!("The paragraph speaks of “{}” and then of “{}”, so the reader may lose who is meant.", short(before), short(pronoun)),
                "Who exactly do you mean here?".to_owned(),
            ),
            Wording::Phrase(words, times) => (
                format!("“{}” stands {times} times, and a phrase that returns draws attention to itself.", short(words)),
                "Do you repeat these words on purpose, and what do they add each time?".to_owned(),
            ),
            Wording::Near => (
                "Two sentences say nearly the same words, so the second adds little.".to_owned(),
                "What does the second sentence say that the first does not?".to_owned(),
            ),
            Wording::Hidden(words) => (
                format!("“{}” hides its action in a noun, which makes the sentence heavier.", short(words)),
                "Which verb is inside that noun, and who does it?".to_owned(),
            ),
            Wording::Hedges(count) => (
                format!("{count} words in this sentence make it less certain, so it is hard to tell what you hold."),
                "How sure are you of this, and what makes you doubt?".to_owned(),
            ),
            Wording::Booster(words) => (
                format!("“{}” claims certainty, but no reason or evidence stands near it.", short(words)),
                "What would convince a reader who does not see it that way?".to_owned(),
            ),
            Wording::Gap(true) => (
                "This paragraph shares no word and no connective with the one before, so the reader must find the link.".to_owned(),
                "How does this paragraph follow from the one before?".to_owned(),
            ),
            Wording::Gap(false) => (
                "This sentence shares no word and no connective with the one before, so the reader must find the link.".to_owned(),
                "What connects this sentence to the one before?".to_owned(),
            ),
            Wording::Opening(word, count) => (
                format!("{count} sentences in a row open with “{}”, which can sound like a list.", short(word)),
                "Is the rhythm meant, or what else could come first in one of them?".to_owned(),
            ),
            Wording::Claim => (
                "This claim stands without an example, a figure or a source after it, so a reader has only your word.".to_owned(),
                "How do you know, and what could you show?".to_owned(),
            ),
            Wording::Missing(element) => missing(element),
            Wording::Experience => (
                "This part tells what happened, but not yet what you thought or learnt from it.".to_owned(),
                "What did this show you that you did not know before?".to_owned(),
            ),
        };
        (explanation, question)
    }
}

fn missing(element: Element) -> (String, String) {
    let (explanation, question) = match element {
        Element::Position => (
            "The text makes claims, but no sentence says where you stand on the question.",
            "What do you want your reader to believe in the end?",
        ),
        Element::Evidence => (
            "The text takes a position, but gives no example, figure or source for it.",
            "What have you seen, read or measured that speaks for it?",
        ),
        Element::Conclusion => (
            "The text ends without drawing its argument together.",
            "After all you have shown, what should the reader take along?",
        ),
        _ => (
            "The text has an argument, but one of its usual parts is not there.",
            "What might a reader who disagrees ask you?",
        ),
    };
    (explanation.to_owned(), question.to_owned())
}

/// At most 40 characters on one line.
fn short(text: &str) -> String {
    let mut characters = text
        .chars()
        .map(|character| if character.is_whitespace() { ' ' } else { character });
    let mut short: String = characters.by_ref().take(39).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}
